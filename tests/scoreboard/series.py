"""`forewarn detect` on recorded series: SKAB, NAB, and what must stay calm."""
import csv
import datetime
import statistics

LEARN = 400
IGNORE = "anomaly,changepoint"
PEERS_SKAB = "Conv-AE F1 .784 @ FAR 13.6, NAB 23.6/21.5; best cp MSCRED 32.4 with 342 false"


def skab(tools, board):
    """The 'proposed leaderboard' protocol: rows 0 to 399 of each file are for learning."""
    files = (tools.score / "split_public.txt").read_text().split()
    files = [it for it in files if (tools.data / "skab" / it).exists()] or all_files(tools)
    names = tools.folder / "files.txt"
    names.write_text("\n".join(files) + "\n")
    scores = []
    for cut in (0, 70, 140):
        out = tools.folder / f"cut-{cut}"
        for name in files:
            source = tools.data / "skab" / name
            if cut:
                source = cropped(source, cut, tools.folder / "cropped.csv")
            detect(tools, source, LEARN - cut, out / name)
        scores.append(scored(tools, names, out))
    whole = scores[0]
    board.figure("SKAB F1", whole["F1"], (">=", .86), (">=", .89), PEERS_SKAB)
    board.figure("SKAB false-alarm rate %", whole["FAR"], ("<=", 11.0), ("<=", 8.0))
    board.figure("SKAB change points, NAB standard", whole["nab_std"], (">=", 62.0), (">=", 66.0), "metronome of 60 s: 56.3")
    board.figure("SKAB change points, NAB low FP", whole["nab_lowFP"], (">=", 60.0), (">=", 63.0), "metronome of 60 s: 40.8")
    board.figure("SKAB change points, false", whole["cpFP"], ("<=", 12), ("<=", 8))
    board.figure("SKAB cp_f1", whole["cp_f1"], (">=", .77), (">=", .82), "metronome .44")
    board.figure("SKAB exactly-one ticket recall", whole["recall_one"], (">=", .94), (">=", 1.0), "best of 11 classical .74")
    board.figure("SKAB ticket precision", whole["precision"], (">=", 1.0), (">=", 1.0), "best of 11 classical .79")
    moved = max(abs(it["F1"] - whole["F1"]) for it in scores[1:])
    board.figure("SKAB crop test, largest change of F1", moved, ("<=", .02), ("<=", .01))


def stream(tools, board):
    """The files of one group as one series: learned once at the head."""
    folder = tools.data / "skab" / "valve1"
    out = tools.folder / "stream.csv"
    tools.forewarn("detect", "--stream", folder, "--time-column", "datetime", "--separator", ";",
                   "--learn-rows", LEARN, "--ignore-columns", IGNORE, "--out", out, "--json")
    labels = {}
    for path in folder.glob("*.csv"):
        labels.update((row["datetime"], row["anomaly"] == "1.0") for row in rows_of(path, ";"))
    found = [(labels[row["timestamp"]], row["alarm"] == "1") for row in rows_of(out)][LEARN:]
    hits = sum(1 for real, alarm in found if real and alarm)
    wrong = sum(1 for real, alarm in found if not real and alarm)
    missed = sum(1 for real, alarm in found if real and not alarm)
    normal = sum(1 for real, _ in found if not real)
    board.figure("valve1 as one series, learned once: F1", hits / (hits + (wrong + missed) / 2),
                 peer="T2, PCA, AAKR, kNN alarm on 99 % of normal rows")
    board.figure("valve1 as one series: false-alarm rate %", 100 * wrong / normal)


def calm(tools, board):
    """Two hours and a half without an anomaly."""
    source = tools.data / "skab" / "anomaly-free" / "anomaly-free.csv"
    for hours, learn in ((1.0, 3600), (0.5, 1800)):
        out = tools.folder / "calm.csv"
        detect(tools, source, learn, out)
        must = ("<=", 0) if hours == 1.0 else None
        board.figure(f"anomaly-free run after {hours} h of learning, tickets", tickets(out), must, ("<=", 0), "T2: 2")


def ramps(tools, board):
    """A slow drift of each signal in turn, laid over the calm run: up to 5 standard deviations."""
    source = tools.data / "skab" / "anomaly-free" / "anomaly-free.csv"
    rows = rows_of(source, ";")
    names = [it for it in rows[0] if it not in ("datetime", "anomaly", "changepoint")]
    learn, found, early, runs = 3600, 0, 0, 0
    for name in names:
        spread = statistics.pstdev(float(row[name]) for row in rows[:learn])
        for sign in (1, -1):
            runs += 1
            path = tools.folder / "ramp.csv"
            laid = [dict(row) for row in rows]
            length = len(laid) - learn
            for place, row in enumerate(laid[learn:]):
                row[name] = repr(float(row[name]) + sign * 5 * spread * place / length)
            write_rows(path, laid, ";")
            out = tools.folder / "ramp-out.csv"
            detect(tools, path, learn, out)
            alarms = [place for place, row in enumerate(rows_of(out)[learn:]) if row["alarm"] == "1"]
            found += bool(alarms)
            early += bool(alarms) and 5 * alarms[0] / length <= 3
    board.figure("slow ramps found, share", found / runs)
    board.figure("slow ramps found before 3 sd, share", early / runs, (">=", .9))


def nab(tools, board):
    """The machine temperature of NAB, its own scorer."""
    name = "realKnownCause/machine_temperature_system_failure.csv"
    source = tools.data / "nab_machine" / "data" / name
    learn = min(len(rows_of(source)) * 15 // 100, 750)
    out = tools.folder / "nab" / name
    detect(tools, source, learn, out, separator=",", time="timestamp", ignore=None)
    table = tools.scorer("score_nab.py", "--nab", tools.data / "nab_machine", "--files", tools.score / "nab_machine.txt", tools.folder / "nab")
    row = dict(zip(table[0][2:], table[1][2:]))
    board.figure("NAB machine temperature, standard score", float(row["nab"]), (">=", 75.0), (">=", 90.0), "ARTime 82, HTM 67, random 70")
    board.figure("NAB machine temperature, ticket precision", float(row["precision"]), (">=", .5), (">=", .7), "ARTime .50, HTM .29")
    board.figure("NAB windows hit of " + row["windows"], int(row["hit"]))


def detect(tools, source, learn, out, separator=";", time="datetime", ignore=IGNORE):
    out.parent.mkdir(parents=True, exist_ok=True)
    words = ["detect", "--csv", source, "--time-column", time, "--separator", separator, "--learn-rows", learn, "--out", out, "--json"]
    if ignore:
        words += ["--ignore-columns", ignore]
    return tools.forewarn(*words)


def scored(tools, names, folder):
    table = tools.scorer("score_skab.py", "--data", tools.data / "skab", "--split", names, folder)
    return {name: float(value) if "." in value else int(value) for name, value in zip(table[0][1:], table[1][1:])}


def tickets(path, cool_down_s=60):
    """Runs of alarm, merged while the gap is at most the cool-down."""
    count, last = 0, None
    for row in rows_of(path):
        if row["alarm"] == "1":
            now = datetime.datetime.fromisoformat(row["timestamp"])
            count += last is None or cool_down_s < (now - last).total_seconds()
            last = now
    return count


def cropped(source, cut, path):
    rows = rows_of(source, ";")
    write_rows(path, rows[cut:], ";")
    return path


def all_files(tools):
    root = tools.data / "skab"
    return [str(it.relative_to(root)) for group in ("valve1", "valve2", "other") for it in sorted((root / group).glob("*.csv"))]


def rows_of(path, separator=","):
    with open(path, newline="") as file:
        return list(csv.DictReader(file, delimiter=separator))


def write_rows(path, rows, separator):
    with open(path, "w", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys(), delimiter=separator)
        writer.writeheader()
        writer.writerows(rows)
