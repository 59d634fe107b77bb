"""Real work orders through `forewarn history`: the table that `tests/history.rs` prints."""


def run(tools, board):
    text = tools.cargo_test("history")
    rows = {}
    for line in text.splitlines():
        words = line.replace("|", " ").split()
        if words and words[0] in ("excavators", "aviation", "modes"):
            rows[words[0] if words[0] != "modes" else f"modes {words[1]}"] = words
    figures = {name: [float(it) for it in words if it.replace(".", "").isdigit()] for name, words in rows.items()}
    for name, must, aim, peer in (("excavators", .83, .88, ".80"), ("aviation", .80, .85, ".77")):
        _asked, first, five, _modes, mode = figures[name]
        board.figure(f"{name}: part among five cases", five, (">=", must), (">=", aim), f"nearest text {peer}")
        board.figure(f"{name}: part first", first)
        board.figure(f"{name}: failure mode", mode)
    board.figure("failure modes, five hash parts of both tables", figures["modes 5"][-1], (">=", .77), (">=", .82), "nearest text .74")
    board.figure("failure modes, the publisher's dev table", figures["modes dev"][-1], (">=", .77), (">=", .82), "nearest text .74")
