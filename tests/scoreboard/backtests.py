"""`forewarn backtest` on recorded plants: Azure PdM, FEMTO, IMS, and milling that nothing is wrong with."""
import csv
import datetime
import gzip

HOUR = datetime.timedelta(hours=1)


def run(tools, board):
    azure(tools, board)
    for name, folder, title in (("ims", "ims_day1", "IMS day 1"), ("okuma", "okuma_shdr", "Okuma"), ("cnc_milling", "cnc_milling_umich", "UMich mill")):
        lines = backtest(tools, name, folder)
        board.figure(f"{title}: tickets", sum(1 for it in lines if it["type"] == "ticket"), ("<=", 0), ("<=", 0))
    femto(tools, board)


def azure(tools, board):
    lines = backtest(tools, "azure_pdm", "azure_pdm")
    tickets = [it for it in lines if it["type"] == "ticket"]
    summary = lines[-1]
    board.figure("Azure PdM precision", summary["precision"], (">=", .98), (">=", .99), "gradient boosting .991")
    board.figure("Azure PdM recall", summary["recall"], (">=", .95), (">=", .97), "gradient boosting .961")
    board.figure("Azure PdM median lead, h", summary["lead_h_median"], (">=", 24.0), (">=", 36.0), "24")
    board.figure("Azure PdM lead p10, h", summary["lead_h_p10"])
    board.figure("Azure PdM tickets", len(tickets))
    replaced, failures = events(tools, "maint.csv"), events(tools, "failures.csv")
    within = lambda ticket, at, hours: datetime.timedelta(0) <= at - opened(ticket) <= hours * HOUR
    true = [it for it in tickets if any(within(it, at, 72) for (device, _), times in failures.items() if device == machine(it) for at in times)]
    right = sum(1 for it in true if any(within(it, at, 72) for at in failures.get((machine(it), part(it)), [])))
    board.figure("Azure PdM component right, share of true tickets", right / max(len(true), 1), (">=", .98))
    soon = sum(1 for it in tickets if any(datetime.timedelta(0) <= opened(it) - at < 24 * HOUR for at in replaced.get((machine(it), part(it)), [])))
    board.figure("Azure PdM tickets in the 24 h after a repair of that part", soon, ("<=", 0), ("<=", 0))
    exact = sum(1 for it in tickets if it.get("last_replaced") is not None and same_day(it["last_replaced"], last_before(replaced.get((machine(it), part(it)), []), opened(it))))
    with_past = sum(1 for it in tickets if last_before(replaced.get((machine(it), part(it)), []), opened(it)) is not None)
    board.figure("Azure PdM last replacement cited exactly, share", exact / max(with_past, 1), (">=", 1.0))


def femto(tools, board):
    lines = backtest(tools, "femto", "femto")
    tickets = [it for it in lines if it["type"] == "ticket"]
    with open(tools.data / "femto" / "records.csv", newline="") as file:
        records = list(csv.DictReader(file))
    summary = lines[-1]
    board.figure(f"FEMTO bearings with an alarm before the end, of {len(records)}", summary.get("matched"), (">=", 5), (">=", 6))
    board.figure("FEMTO tickets", len(tickets))


def backtest(tools, name, folder):
    return tools.forewarn("backtest", "--site", tools.root / "config" / "examples" / f"{name}.toml", "--data", tools.data / folder, "--json")


def events(tools, name):
    """Times by machine and component."""
    found = {}
    path = tools.data / "azure_pdm" / name
    opened_ = gzip.open if path.suffix == ".gz" else open
    with opened_(path, "rt", newline="") as file:
        for row in csv.DictReader(file):
            part_ = row.get("comp") or row.get("failure") or row.get("component")
            found.setdefault((row["machineID"], part_), []).append(datetime.datetime.fromisoformat(row["datetime"]))
    return found


def machine(ticket):
    return ticket["device"].rsplit("-", 1)[-1].lstrip("0")


def part(ticket):
    return ticket["component"]


def opened(ticket):
    return datetime.datetime.fromisoformat(ticket["detected_at"].replace("Z", "+00:00")).replace(tzinfo=None)


def last_before(times, at):
    return max((it for it in times if it <= at), default=None)


def same_day(text, at):
    return at is not None and text[:10] == at.date().isoformat()
