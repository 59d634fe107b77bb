"""The simulated plant: sensor faults, machine faults, healthy days, and how right the causes are."""
import json
import re


def run(tools, board):
    line = json.loads(tools.run("./x", "calibration", "--seeds", 20, "--json").strip().splitlines()[-1])
    board.figure(f"causes, first right ({line['n']} closes)", line["top1"], (">=", .80), (">=", .90))
    board.figure("causes, right one among three", line["top3"], (">=", .95), (">=", .99))
    board.figure("calibration error (ECE)", line["ece"], ("<=", .07), ("<=", .05))
    board.figure("Brier score over that of the class prior", line["brier"] / line["brier_prior"], ("<=", .8), ("<=", .7))
    board.figure("faults of these runs that opened a ticket, share", line["detected"])
    for name in ("triage", "healthy"):
        text = tools.cargo_test(name)
        result = re.search(r"test result: \w+\. (\d+) passed; (\d+) failed", text)
        board.figure(f"`tests/{name}.rs`: failed tests", int(result.group(2)), ("<=", 0))
        for said in re.findall(r"^(\d+ false tickets in \d+ device-days|\d+ of \d+ .*)$", text, re.M):
            board.note(said)
