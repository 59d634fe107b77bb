//! Where a channel is heading: how far it got in each block of time, from minutes to weeks, and when it will
//! be at a level.
//!
//! A level is reached by the farthest of the values, not by their mean: so blocks keep their extremes, of the
//! distance from the normal of the present state (1 where a finding begins) and of the level itself.
//! A trend is a line through the blocks behind a knee: robust slope and interval (Sen 1968; significance by
//! Kendall's S), both widened where successive blocks hang together (Hamed and Rao 1998, first lag).
//!
//! Deliberately absent: a word about the future where the trend is not significant, has stopped, wanders by
//! half of what is missing, or would have to be carried on for many times what was seen.

use forewarn_domain::time::{Span, Time};
use serde::{Deserialize, Serialize};

use crate::statistics::{count, quantile};

/// The course of one channel.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub(crate) struct Course {
    rings: [Ring; LENGTHS_S.len()],
}

/// Extremes of blocks of one length.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
struct Ring {
    /// The running block, counted from 1970, and how far the channel got in it.
    block: i64,
    running: Option<Point>,
    /// Finished blocks, oldest first.
    blocks: Vec<(i64, Point)>,
}

/// How far a channel got.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Point(
    /// Signed distance from the normal of the present operating state, 1 where a finding begins.
    pub(crate) f64,
    /// The smoothed level in the channel's unit.
    pub(crate) f64,
);

/// On which of the two scales a level lies.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Scale {
    Distance,
    Level,
}

/// When a level will be reached if the trend goes on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Reach {
    /// Early end of the interval that holds the truth in four of five cases.
    pub(crate) earliest: Span,
    /// Late end.
    pub(crate) latest: Span,
    /// The stretch to which the trend was fitted.
    pub(crate) over: Span,
}

/// A significant rise; times in seconds before or after now.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Rise {
    /// Present height of the line, and how far it may be off.
    level: f64,
    error: f64,
    /// How far a block was above the line.
    gust: f64,
    /// Ends of the interval of the slope.
    slow: f64,
    fast: f64,
    over_s: f64,
}

impl Course {
    /// Takes where the channel is at `t`.
    pub(crate) fn take(&mut self, t: Time, point: Point) {
        let (mut at, mut point) = (t, point);
        for (ring, length_s) in self.rings.iter_mut().zip(LENGTHS_S) {
            let Some(finished) = ring.take(at, point, length_s) else { return };
            (at, point) = finished;
        }
    }

    /// Forgets everything: the part is not what it was.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    /// The distance of the newest finished block.
    pub(crate) fn newest(&self) -> Option<f64> {
        self.rings.first()?.blocks.last().map(|(_, point)| point.0)
    }

    /// When `target` will be reached: a distance on its side of the normal, or a level above. `None`
    /// where nothing can be said.
    pub(crate) fn reaches(&self, now: Time, scale: Scale, target: f64) -> Option<Reach> {
        let sign = if scale == Scale::Distance { target.signum() } else { 1.0 };
        let mut found: Option<Rise> = None;
        for (ring, length_s) in self.rings.iter().zip(LENGTHS_S).rev() {
            let points = ring.points(now, length_s, (scale, sign));
            let is_alive =
                points.last().is_some_and(|(x, _)| -STALE_BLOCKS * seconds(length_s) < *x);
            let Some(rise) = Rise::through(&points).filter(|_| is_alive) else { continue };
            // Of two lines the longer one counts, unless the trend has become steeper since.
            if found.is_none_or(|it| it.fast < rise.slow) {
                found = Some(rise);
            }
        }
        found?.reaches(sign * target)
    }
}

impl Ring {
    /// Adds a point; the block that it ends, with its middle.
    fn take(&mut self, at: Time, point: Point, length_s: i64) -> Option<(Time, Point)> {
        let length_us = length_s * 1_000_000;
        let block = at.micros().div_euclid(length_us);
        if block < self.block {
            return None;
        }
        if block == self.block {
            self.running = Some(self.running.map_or(point, |it| it.farther(point)));
            return None;
        }
        let (finished, running) = (self.block, self.running.replace(point));
        self.block = block;
        let point = running?.rounded();
        if BLOCKS_MAX <= self.blocks.len() {
            self.blocks.remove(0);
        }
        self.blocks.push((finished, point));
        Some((Time::from_micros(finished * length_us + length_us / 2), point))
    }

    /// Seconds from now and height on one side, oldest first.
    fn points(&self, now: Time, length_s: i64, (scale, sign): (Scale, f64)) -> Vec<(f64, f64)> {
        let length_us = length_s * 1_000_000;
        let point = |(block, point): &(i64, Point)| {
            let middle = Time::from_micros(block * length_us + length_us / 2);
            let height = if scale == Scale::Distance { point.0 } else { point.1 };
            ((middle - now).secs_f64(), sign * height)
        };
        self.blocks.iter().map(point).collect()
    }
}

impl Point {
    fn farther(self, other: Self) -> Self {
        let distance = if self.0.abs() < other.0.abs() { other.0 } else { self.0 };
        Self(distance, self.1.max(other.1))
    }

    /// Four digits are more than the sensor has, and a stored state is as long as its numbers.
    fn rounded(self) -> Self {
        let round = |it: f64| (it * 1e4).round() / 1e4;
        Self(round(self.0), round(self.1))
    }
}

impl Rise {
    /// The line through the points behind their knee, if it rises beyond doubt.
    fn through(points: &[(f64, f64)]) -> Option<Self> {
        let tail = &points[knee(points)?..];
        let n = tail.len();
        let mut slopes = Vec::with_capacity(n * n / 2);
        let mut order = 0.0;
        for (place, (x, y)) in tail.iter().enumerate() {
            for (later_x, later_y) in &tail[place + 1..] {
                slopes.push((later_y - y) / (later_x - x));
                order += f64::from(later_y.total_cmp(y) as i8);
            }
        }
        slopes.sort_by(f64::total_cmp);
        let slope = quantile(&slopes, 0.5);
        let mut heights: Vec<f64> = tail.iter().map(|(x, y)| y - slope * x).collect();
        let related = related(&heights);
        heights.sort_by(f64::total_cmp);
        let level = quantile(&heights, 0.5);
        let gust = quantile(&heights, 1.0) - level;
        let count_n = count(n);
        let deviation = (count_n * (count_n - 1.0) * (2.0 * count_n + 5.0) / 18.0 * related).sqrt();
        if order - 1.0 < SURE * deviation {
            return None;
        }
        // Sen's interval: as many ordered slopes to either side as Kendall's S may be off by.
        let off = WIDTH * deviation / count(slopes.len()) / 2.0;
        let (slow, fast) = (quantile(&slopes, 0.5 - off), quantile(&slopes, 0.5 + off));
        heights.iter_mut().for_each(|it| *it = (*it - level).abs());
        heights.sort_by(f64::total_cmp);
        let scatter = 1.4826 * quantile(&heights, 0.5);
        let error = WIDTH * 1.2533 * scatter * (related / count_n).sqrt();
        let over_s = tail.last()?.0 - tail.first()?.0;
        (0.0 < slow).then_some(Self { level, error, gust, slow, fast, over_s })
    }

    /// The line carried on, between a trouble that grows ever faster and one that loses pace.
    fn reaches(&self, target: f64) -> Option<Reach> {
        let room = target - self.level;
        let is_told = self.gust + self.error <= WANDERS_MAX * room;
        let is_in_sight = room / self.fast <= CARRIED_ON_MAX * self.over_s;
        (0.0 < room && is_told && is_in_sight).then(|| Reach {
            earliest: span(FASTER * (room - self.error - self.gust) / self.fast),
            latest: span(SLOWER * (room + self.error) / self.slow),
            over: span(self.over_s),
        })
    }
}

/// Where a rise begins: least squares of a level that bends once. `None` with too few points behind it.
fn knee(points: &[(f64, f64)]) -> Option<usize> {
    let last = points.len().checked_sub(POINTS_MIN)?;
    let misfit = |at: usize| {
        let bend = points[at].0;
        let (mut sx, mut sy, mut sxx, mut sxy, mut syy) = (0.0, 0.0, 0.0, 0.0, 0.0);
        for (x, y) in points {
            let x = (x - bend).max(0.0);
            (sx, sy) = (sx + x, sy + y);
            (sxx, sxy, syy) = (sxx + x * x, sxy + x * y, syy + y * y);
        }
        let n = count(points.len());
        let (xx, xy, yy) = (sxx - sx * sx / n, sxy - sx * sy / n, syy - sy * sy / n);
        if xx <= 0.0 { yy } else { yy - xy * xy / xx }
    };
    (0..=last).min_by(|a, b| misfit(*a).total_cmp(&misfit(*b)))
}

/// By how much the variance grows since neighbours are alike: (1 + r) / (1 - r).
fn related(residuals: &[f64]) -> f64 {
    let mean = residuals.iter().sum::<f64>() / count(residuals.len());
    let square: f64 = residuals.iter().map(|it| (it - mean) * (it - mean)).sum();
    let pairs: f64 = residuals.windows(2).map(|it| (it[0] - mean) * (it[1] - mean)).sum();
    let r = if 0.0 < square { (pairs / square).clamp(0.0, RELATED_MAX) } else { 0.0 };
    (1.0 + r) / (1.0 - r)
}

fn span(seconds: f64) -> Span {
    #[expect(clippy::cast_possible_truncation, reason = "clamped to a hundred years")]
    let whole = seconds.clamp(0.0, 3.2e9) as i64;
    Span::from_secs(whole)
}

#[expect(clippy::cast_precision_loss, reason = "block lengths are far below 2^52")]
fn seconds(length_s: i64) -> f64 {
    length_s as f64
}

/// Lengths of blocks: two minutes, a quarter of an hour, two hours, a day. So a trend may take an hour or
/// a month.
const LENGTHS_S: [i64; 4] = [120, 900, 7_200, 86_400];

const BLOCKS_MAX: usize = 24;

/// Fewer points behind a knee are no trend.
const POINTS_MIN: usize = 8;

/// A line that ended so many blocks ago says nothing about now.
const STALE_BLOCKS: f64 = 4.0;

/// Kendall's S in standard deviations from which a rise counts: one in a thousand by chance. The knee was
/// chosen to suit the line, so the usual one in forty would not do.
const SURE: f64 = 3.1;

/// Standard deviations on either side of slope and height.
const WIDTH: f64 = 1.6;

/// How much earlier and later than the straight line a level is reached, since no trouble grows in a straight
/// line: at 0.3 and 1.5 the interval held nine of ten first touches of made-up courses that grow with the
/// time, its 1.5th, second and third power or by a factor, and eight of ten of simulated turbofans that ran
/// until they failed; of courses that lose pace it holds six of ten (`docs/detection.md`).
const FASTER: f64 = 0.3;
const SLOWER: f64 = 1.5;

/// Blocks that stray from the line by more than this share of what is missing tell no time.
const WANDERS_MAX: f64 = 0.5;

const RELATED_MAX: f64 = 0.9;

/// Nothing is said beyond so many times the stretch that was seen.
const CARRIED_ON_MAX: f64 = 10.0;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statistics::tests::noise;

    /// Noise that hangs together from sample to sample by `r`.
    fn wandering(len: usize, seed: usize, r: f64) -> Vec<f64> {
        let mut last = 0.0;
        let white = noise(len + 997 * seed);
        let one = |it: &f64| {
            last = r * last + (1.0 - r * r).sqrt() * it;
            last
        };
        white[997 * seed..].iter().map(one).collect()
    }

    /// A course sampled every ten seconds up to and including place `now`, smoothed as a channel's level is.
    fn course(values: &[f64], now: usize) -> (Course, Time) {
        let mut course = Course::default();
        for (place, value) in values[..=now].iter().enumerate() {
            course.take(time(place), Point(*value, *value));
        }
        (course, time(now))
    }

    fn time(place: usize) -> Time {
        Time::from_micros(1_780_000_000_000_000)
            + Span::from_secs(10 * i64::try_from(place).expect("small"))
    }

    /// Flat for half as long as it then takes to grow to 2.5 after `law`, and a third of that more.
    fn growing(rows: usize, law: fn(f64) -> f64, noise: &[f64], size: f64) -> Vec<f64> {
        let flat = rows / 2;
        let mut level = 0.0;
        let one = |place: usize| {
            let grown = 2.5 * law(count(place.saturating_sub(flat)) / count(rows));
            level += 2.0 / 9.0 * (grown + size * noise[place] - level);
            level
        };
        (0..flat + rows + rows / 3).map(one).collect()
    }

    /// Where the values have been at 1 for eight samples, and where they are at 2.5 for the first time.
    fn found_and_reached(values: &[f64]) -> Option<(usize, usize)> {
        let found = values.windows(8).position(|it| it.iter().all(|it| 1.0 <= *it))? + 7;
        Some((found, values.iter().position(|it| 2.5 <= *it)?))
    }

    #[test]
    fn the_interval_holds_the_first_touch_in_eight_of_ten_courses_whatever_their_law() {
        let (mut held, mut told, mut asked, mut fallen) = (0_u32, 0_u32, 0_u32, 0_u32);
        let laws: [fn(f64) -> f64; 4] =
            [|it| it, |it| it.powf(1.5), |it| it * it, |it| (3.0 * it).exp_m1() / 3_f64.exp_m1()];
        let noises = [(4, 0.0, 0.3), (10, 0.9, 0.2), (30, 0.97, 0.1), (50, 0.99, 0.1)];
        for (seed, (law, (hours, r, size))) in
            (0..160).zip(laws.iter().flat_map(|law| noises.map(|it| (law, it))).cycle())
        {
            let rows = 360 * hours;
            let values = growing(rows, *law, &wandering(2 * rows, seed, r), size);
            let Some((found, reached)) = found_and_reached(&values) else { continue };
            let (course, now) = course(&values, found);
            asked += 1;
            fallen += u32::from(course.reaches(now, Scale::Distance, -2.5).is_some());
            let Some(reach) = course.reaches(now, Scale::Distance, 2.5) else { continue };
            told += 1;
            let truth = time(reached) - now;
            held += u32::from(reach.earliest <= truth && truth <= reach.latest);
        }
        assert!(150 < asked && 8 * asked <= 10 * told, "{told} of {asked} were told");
        assert!(8 * told <= 10 * held, "{held} of {told} held");
        assert_eq!(fallen, 0, "it rises and does not fall");
    }

    #[test]
    fn a_level_that_only_wanders_or_has_settled_is_no_trend() {
        let mut told = 0;
        for seed in 0..60 {
            let values: Vec<f64> =
                wandering(12_000, seed, 0.95).iter().map(|it| 0.3 * it).collect();
            let (calm, now) = course(&values, values.len() - 1);
            told += u32::from(calm.reaches(now, Scale::Distance, 2.5).is_some());
        }
        assert!(told <= 2, "{told} of 60 calm courses");
        let values = growing(7_200, |it| it, &wandering(14_400, 3, 0.5), 0.1);
        let (course, now) = course(&values, 3_600 + 2_600);
        assert!(course.reaches(now, Scale::Distance, 2.5).is_some());
        let later = now + Span::from_secs(90 * 86_400);
        assert_eq!(course.reaches(later, Scale::Distance, 2.5), None, "long ago");
        assert_eq!(course.reaches(now, Scale::Distance, 0.1), None, "passed already");
    }
}
