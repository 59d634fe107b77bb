#!/usr/bin/env python3
"""How often the interval to the alarm level holds the truth: a numpy twin of crates/detect/src/course.rs.

    courses.py --data ../shared/data [--seeds 60]

The course of a signal is cut off where a finding would be confirmed, and at each growth by a fifth after
it; the first interval that is told is compared with the first touch of the alarm level. Courses are made
up (growing with a power of time or by a factor, with noise that hangs together, duty cycles and nights)
and recorded (bearings of FEMTO, turbofans of C-MAPSS), each until the end. A level that is not reached by
the late end, although the course goes on, counts as late; a course that ends before that is `unseen`.
"""
import argparse
import csv
import gzip
import math
import pathlib

import numpy as np

# The constants of course.rs.
LENGTHS_S, BLOCKS_MAX, POINTS_MIN, STALE_BLOCKS = [120, 900, 7_200, 86_400], 24, 8, 4
SURE, WIDTH, FASTER, SLOWER, WANDERS_MAX, RELATED_MAX, CARRIED_ON_MAX = 3.1, 1.6, .3, 1.5, .5, .9, 10
LAWS = {
    "in a straight line": lambda u: u,
    "with its power 1.5": lambda u: u ** 1.5,
    "with its square": lambda u: u ** 2,
    "with its cube": lambda u: u ** 3,
    "by a factor": lambda u: np.expm1(3 * u) / math.expm1(3),
    "losing pace (power 0.7)": lambda u: u ** .7,
}
# The turbofan's sensors that move, and in which direction.
CMAPSS = ((2, 1), (3, 1), (4, 1), (7, -1), (11, 1), (12, -1), (15, 1), (17, 1), (20, -1), (21, -1))


def main():
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("--data", type=pathlib.Path, required=True)
    ask.add_argument("--seeds", type=int, default=60)
    asked = ask.parse_args()
    for name, law in LAWS.items():
        judge(f"made up, growing with time {name}" if name[0] in "iw" else f"made up, {name}",
              [made_up(9_000 + seed, law) for seed in range(asked.seeds)])
    judge("FEMTO bearings, two axes each", femto(asked.data / "femto"))
    judge("C-MAPSS engines 1 to 50 (factors chosen on them)", cmapss(asked.data / "cmapss_fd001", range(1, 51)))
    judge("C-MAPSS engines 51 to 100", cmapss(asked.data / "cmapss_fd001", range(51, 101)))


def judge(title, courses):
    """Courses are times, distances from normal (1 where a finding begins), and the alarm level."""
    count = dict(held=0, early=0, late=0, unseen=0)
    for course in courses:
        told = first_told(*course)
        if told is None:
            continue
        earliest, latest, truth, left = told
        if truth is None:
            count["late" if latest < left else "unseen"] += 1
        else:
            count["early" if truth < earliest else "late" if latest < truth else "held"] += 1
    told = count["held"] + count["early"] + count["late"]
    print(f"{title}: {count['held']} of {told} held ({count['held'] / max(told, 1):.2f}), {count['early']} came earlier, "
          f"{count['late']} later, {count['unseen']} unseen; {len(courses)} courses", flush=True)


def first_told(t, far, alarm):
    held = np.convolve(far >= 1, np.ones(8), "valid") == 8
    reached = np.nonzero(far >= alarm)[0]
    end = int(reached[0]) if len(reached) else None
    at = int(np.argmax(held)) + 7 if held.any() else None
    level = None if at is None else far[at]
    while at is not None and (end is None or at < end):
        interval = reach(blocks(t[:at + 1], far[:at + 1]), t[at], alarm)
        if interval is not None:
            return *interval, None if end is None else t[end] - t[at], t[-1] - t[at]
        grown = np.nonzero(far[at:] >= 1.2 * level)[0]
        at = at + int(grown[0]) if len(grown) else None
        level = None if at is None else far[at]
    return None


def blocks(t, far):
    rings = []
    for length in LENGTHS_S:
        block = np.floor_divide(t, length).astype(int)
        block, starts = np.unique(block, return_index=True)
        rings.append((block[:-1][-BLOCKS_MAX:] * length + length / 2, np.maximum.reduceat(far, starts)[:-1][-BLOCKS_MAX:]))
    return rings


def reach(rings, now, target):
    found = None
    for (x, y), length in reversed(list(zip(rings, LENGTHS_S))):
        rise = rise_through(x - now, y) if POINTS_MIN <= len(x) and -STALE_BLOCKS * length < x[-1] - now else None
        if rise is not None and (found is None or found["fast"] < rise["slow"]):
            found = rise
    if found is None:
        return None
    room = target - found["level"]
    if room <= 0 or WANDERS_MAX * room < found["gust"] + found["error"] or CARRIED_ON_MAX * found["over"] < room / found["fast"]:
        return None
    return FASTER * (room - found["error"] - found["gust"]) / found["fast"], SLOWER * (room + found["error"]) / found["slow"]


def rise_through(x, y):
    at = knee(x, y)
    x, y = x[at:], y[at:]
    n = len(x)
    one, other = np.triu_indices(n, 1)
    slopes = np.sort((y[other] - y[one]) / (x[other] - x[one]))
    slope = np.quantile(slopes, .5)
    heights = y - slope * x
    related, level = related_by(heights), np.median(heights)
    deviation = math.sqrt(n * (n - 1) * (2 * n + 5) / 18 * related)
    if np.sign(y[other] - y[one]).sum() - 1 < SURE * deviation:
        return None
    off = WIDTH * deviation / len(slopes) / 2
    slow, fast = (np.quantile(slopes, min(max(it, 0), 1)) for it in (.5 - off, .5 + off))
    scatter = 1.4826 * np.median(abs(heights - level))
    error = WIDTH * 1.2533 * scatter * math.sqrt(related / n)
    return dict(level=level, error=error, gust=heights.max() - level, slow=slow, fast=fast, over=x[-1] - x[0]) if 0 < slow else None


def knee(x, y):
    def misfit(at):
        bent = np.maximum(x - x[at], 0)
        bent, rest = bent - bent.mean(), y - y.mean()
        return (rest @ rest) - (bent @ rest) ** 2 / (bent @ bent)
    return min(range(len(x) - POINTS_MIN + 1), key=misfit)


def related_by(heights):
    rest = heights - heights.mean()
    square = rest @ rest
    r = min(max((rest[1:] @ rest[:-1]) / square, 0), RELATED_MAX) if 0 < square else 0
    return (1 + r) / (1 - r)


def made_up(seed, law):
    rng = np.random.default_rng(seed)
    hours = math.exp(rng.uniform(math.log(2), math.log(60)))
    alarm, lead = float(rng.choice([2, 2.5, 3])), hours * rng.uniform(.3, 1.5)
    n, step = int((lead + hours * 1.3) * 360), 10.0
    if 12_000 < n:
        step *= n // 12_000 + 1
        n //= n // 12_000 + 1
    t = np.arange(n) * step + 1e6
    grown = alarm * law(np.maximum(np.arange(n) * step - lead * 3_600, 0) / (hours * 3_600))
    r, size = float(rng.choice([0, .9, .97, .99, .995])), float(rng.choice([.03, .06, .1, .2]))
    kind = rng.integers(3)
    far = grown + size * wandering(n, r, rng)
    if 0 < kind:
        period, low = rng.uniform(60, 1_500), rng.uniform(.4, .9)
        far = np.where(t % period < period * rng.uniform(.2, .6), grown * low + size * .5 * wandering(n, r, rng), far)
    far, runs = smoothed(far), np.ones(n, bool)
    if kind == 2:
        runs = (t / 3_600) % 24 < rng.uniform(12, 20)
        runs[:] |= runs.sum() < n // 3
    return t[runs], far[runs], alarm


def wandering(n, r, rng):
    out, last, scale = rng.standard_normal(n), 0.0, math.sqrt(1 - r * r)
    for place in range(n):
        last = r * last + scale * out[place]
        out[place] = last
    return out


def smoothed(values):
    out, level = np.empty_like(values), values[0]
    for place, value in enumerate(values):
        level += 2 / 9 * (value - level)
        out[place] = level
    return out


def femto(folder):
    """By the rule of config/examples/femto.rules.toml."""
    courses = []
    for path in sorted(folder.glob("*.features.csv.gz")):
        rows = list(csv.DictReader(gzip.open(path, "rt")))
        t = np.array([float(row["s"]) for row in rows]) + 1e6
        for column in ("h_rms", "v_rms"):
            values = np.array([float(row[column]) for row in rows])
            learned = values[8:118]
            median, change = np.median(learned), max(.03, .15 * np.median(learned))
            highest = np.minimum(learned[1:], learned[:-1]).max() - median
            limit = 1.5 * max(4 * spread(learned), highest + change)
            courses.append((t[120:], ((smoothed(values) - median) / limit)[120:], 3.0))
    return courses


def cmapss(folder, units):
    """A cycle as a quarter of an hour; a finding begins at two standard deviations, the alarm level is twice that."""
    with gzip.open(folder / "train.csv.gz", "rt") as file:
        rows = np.array([[float(it) for it in row] for row in list(csv.reader(file))[1:]])
    courses = []
    for unit in units:
        own = rows[rows[:, 0] == unit]
        for sensor, sign in CMAPSS:
            values = sign * own[:, 4 + sensor]
            far = (smoothed(values) - np.median(values[:40])) / (2 * spread(values[:40]))
            courses.append((own[40:, 1] * 900.0 + 1e6, far[40:], 2.0))
    return courses


def spread(values):
    median = np.median(values)
    return max(1.4826 * np.median(abs(values - median)), (np.quantile(values, .9) - np.quantile(values, .1)) / 2.563)


if __name__ == "__main__":
    main()
