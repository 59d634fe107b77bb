"""`forewarn diagnose` on recorded bearings: CWRU, MFPT, IMS, FEMTO."""
import csv
import gzip

RACES = {"outer": "outer_race", "inner": "inner_race", "ball": "rolling_element"}
NICE = "n=8,d=5.969,D=31.623,angle=0"
ZA_2115 = "n=16,d=8.4074,D=71.501,angle=15.17"
FEMTO = "n=13,d=3.5,D=25.6,angle=0"
# Whole records of CWRU that a method without learning names: Smith and Randall 2015 call them diagnosable.
PEERS = "cepstrum + envelope reference 98.7 % of names right"


def named_races(tools, board):
    """Whole records, and seconds of them, as an edge agent sees them."""
    records = list(cwru(tools)) + list(mfpt(tools)) + list(ims(tools))
    for title, window in (("whole records", None), ("1-s windows", "1s")):
        answers = [(it, answer) for it in records for answer in diagnose(tools, it, window)]
        clear = [pair for pair in answers if pair[0]["evidence"] == "clear"]
        right, named = named_right(clear)
        aim = .99 if window is None else .98
        must = .97 if window is None else .96
        board.figure(f"clear {title} named right, share of {len(clear)}", right / len(clear), (">=", must), (">=", aim), PEERS)
        board.figure(f"clear {title}: of those named, named right", right / max(named, 1), (">=", .995), (">=", 1.0))
        wrong = sum(1 for it, answer in answers if is_named(answer) and answer["cause"] != it["cause"])
        board.figure(f"wrong names over all {len(answers)} {title}, share", wrong / len(answers), ("<=", .01), ("<=", 0.0))
        healthy = [pair for pair in answers if pair[0]["cause"] is None]
        board.figure(f"healthy {title} named, of {len(healthy)}", sum(map(is_named, (it for _, it in healthy))), ("<=", 0), ("<=", 0))


def unresolvable(tools, board):
    """A tenth of a second gives 10 Hz, where inner race and ball share a line."""
    for row in rows(tools.data / "femto" / "records.csv"):
        channels = row["channels"].split("+")
        found = tools.forewarn(
            "diagnose", "--waveform", tools.data / "femto" / row["file"], "--format", "i16le",
            "--channels", ",".join(channels), "--channel", channels[0], "--scale", scale(row, channels),
            "--rate", row["fs_hz"], "--rpm", row["rpm"], "--bearing", FEMTO,
            "--snapshot", row["samples_per_snapshot"], "--json")
        said = found[-1]
        is_guess = said["verdict"] == "fault" and said["cause"] in ("inner_race", "rolling_element")
        board.figure(f"FEMTO {row['bearing']}: {said['verdict']}, {said['cause']}; guessed a race", int(is_guess), ("<=", 0))


def cwru(tools):
    for row in rows(tools.data / "cwru" / "records.csv"):
        channels = row["channels"].split("+")
        end = row["bearing_end"] if row["bearing_end"] in channels else channels[0]
        for channel in [end] if row["fault"] in RACES else channels:
            bearing = "6203" if channel == "FE" else "6205"
            yield record(tools, "cwru", row, "i16le", channels, channel, row["rpm_nominal"], bearing)


def mfpt(tools):
    for row in rows(tools.data / "mfpt" / "records.csv"):
        row = dict(row, scale="1")
        yield record(tools, "mfpt", row, "f32le", ["acc"], "acc", 60 * float(row["shaft_hz"]), NICE)


def ims(tools):
    for row in rows(tools.data / "ims_day1" / "records.csv"):
        channels = row["channels"].split("+")
        for channel in channels:
            yield record(tools, "ims_day1", dict(row, fault="healthy", evidence="healthy"), "i16le", channels, channel, row["rpm"], ZA_2115)


def record(tools, folder, row, layout, channels, channel, rpm, bearing):
    return dict(path=tools.data / folder / row["file"], layout=layout, channels=channels, channel=channel,
                scale=scale(row, channels), rate=row["fs_hz"], rpm=rpm, bearing=bearing,
                cause=RACES.get(row["fault"]), evidence=row["evidence"])


def diagnose(tools, it, window):
    words = ["diagnose", "--waveform", it["path"], "--format", it["layout"], "--channels", ",".join(it["channels"]),
             "--channel", it["channel"], "--scale", it["scale"], "--rate", it["rate"], "--rpm", it["rpm"],
             "--bearing", it["bearing"], "--json"]
    return tools.forewarn(*words, *(["--window", window] if window else []))


def named_right(pairs):
    named = [(it, answer) for it, answer in pairs if is_named(answer)]
    return sum(1 for it, answer in named if answer["cause"] == it["cause"]), len(named)


def is_named(answer):
    return answer["verdict"] == "fault"


def scale(row, channels):
    scales = row["scale"].split("+")
    return ",".join(scales if len(scales) == len(channels) else scales * len(channels))


def rows(path):
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt", newline="") as file:
        return list(csv.DictReader(file))
