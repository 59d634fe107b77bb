"""The table of the scoreboard, and the way its sections call programs."""
import json
import os
import pathlib
import subprocess
import sys


class Tools:
    """The program under test, the data, the scorers, and a folder for what comes out."""

    class Failed(Exception):
        """A command did not run."""

    def __init__(self, program, data, score, folder):
        self.program, self.data, self.score, self.folder = program, data, score, folder
        self.root = pathlib.Path(__file__).resolve().parents[2]

    def forewarn(self, *words):
        """Runs `forewarn` and returns its JSON lines."""
        return [json.loads(line) for line in self.run(self.program, *words).splitlines() if line.startswith("{")]

    def scorer(self, name, *words):
        """Runs a scorer of the data folder and returns its table as rows of words."""
        text = self.run(sys.executable, self.score / name, *words)
        return [line.split() for line in text.splitlines()]

    def cargo_test(self, name, *words):
        """Runs a whole-house test and returns what it prints."""
        return self.run("cargo", "test", "--profile", "ci", "--workspace", "--locked", "--test", name, "--", "--nocapture", *words)

    def run(self, *command):
        command = [str(it) for it in command]
        done = subprocess.run(command, cwd=self.root, env=os.environ, capture_output=True, text=True)
        if done.returncode not in (0, 3):
            last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
            raise self.Failed(f"`{' '.join(command)}` ended with {done.returncode}: {last}")
        return done.stdout


class Board:
    """Figures by section, each with what must be reached and what others reach."""

    def __init__(self):
        self.rows, self.here = [], ""

    def section(self, name):
        self.here = name
        print(f"== {name}", file=sys.stderr, flush=True)

    def figure(self, what, value, must=None, aim=None, peer=""):
        """Notes a figure; `must` and `aim` are pairs such as ("<=", 11)."""
        row = dict(section=self.here, what=what, value=value, must=must, aim=aim, peer=peer)
        row["reached"] = None if must is None else reaches(value, must)
        self.rows.append(row)
        print(f"   {what}: {shown(value)}", file=sys.stderr, flush=True)

    def note(self, text):
        self.rows.append(dict(section=self.here, what=text, value=None, must=None, aim=None, peer="", reached=None))
        print(f"   {text}", file=sys.stderr, flush=True)

    def figures(self):
        return self.rows

    def exit_code(self):
        """0 when every must is reached, 4 when one is not."""
        return 4 if any(row["reached"] is False for row in self.rows) else 0

    def table(self):
        lines = ["| | figure | measured | must | aim | others |", "|---|---|---|---|---|---|"]
        for row in self.rows:
            mark = {True: "", False: " ✗", None: ""}[row["reached"]]
            cells = [row["section"], row["what"], shown(row["value"]) + mark, bound(row["must"]), bound(row["aim"]), row["peer"]]
            lines.append("| " + " | ".join(cells) + " |")
        return "\n".join(lines)


def reaches(value, bound_):
    sign, limit = bound_
    if value is None:
        return False
    return value >= limit if sign == ">=" else value <= limit


def bound(pair):
    return "" if pair is None else f"{ {'>=': '≥', '<=': '≤'}[pair[0]] } {shown(pair[1])}"


def shown(value):
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:.4g}"
    return str(value)
