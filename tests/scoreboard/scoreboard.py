#!/usr/bin/env python3
"""Runs Forewarn's own commands over recorded data, and prints what came out beside what others reach.

    scoreboard.py --program target/release/forewarn --data ../shared/data --score ../shared/score [--only skab,nab] [--json FILE]

Every figure comes from a command that a user can type. The folder of data is an argument: any folder
that is laid out like the public one will do. Nothing is tuned here; the shipped rules and settings count.
"""
import argparse
import json
import pathlib
import sys
import tempfile

import backtests
import bearings
import histories
import series
import simulated
from board import Board, Tools

SECTIONS = {
    "skab": series.skab,
    "stream": series.stream,
    "calm": series.calm,
    "ramps": series.ramps,
    "nab": series.nab,
    "bearings": bearings.named_races,
    "femto": bearings.unresolvable,
    "backtests": backtests.run,
    "history": histories.run,
    "simulated": simulated.run,
}


def main():
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("--program", type=pathlib.Path, required=True)
    ask.add_argument("--data", type=pathlib.Path, required=True)
    ask.add_argument("--score", type=pathlib.Path, required=True, help="folder of the scorers")
    ask.add_argument("--only", default=",".join(SECTIONS), help="sections, separated by commas")
    ask.add_argument("--json", type=pathlib.Path, help="writes every figure here")
    said = ask.parse_args()
    wanted = said.only.split(",")
    unknown = [it for it in wanted if it not in SECTIONS]
    if unknown:
        sys.exit(f"there is no section {unknown[0]!r}; there are {', '.join(SECTIONS)}")
    board = Board()
    for name in wanted:
        with tempfile.TemporaryDirectory() as folder:
            tools = Tools(said.program.resolve(), said.data.resolve(), said.score.resolve(), pathlib.Path(folder))
            board.section(name)
            try:
                SECTIONS[name](tools, board)
            except FileNotFoundError as absent:
                board.note(f"left out: {absent.filename} is not there")
            except tools.Failed as failed:
                board.note(f"failed: {failed}")
    print(board.table())
    if said.json:
        said.json.write_text(json.dumps(board.figures(), indent=1, ensure_ascii=False) + "\n")
    return board.exit_code()


if __name__ == "__main__":
    sys.exit(main())
