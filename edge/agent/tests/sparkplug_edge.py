"""A Sparkplug B edge node of a foreign make (pysparkplug), for tests.

usage: sparkplug_edge.py PORT

Node `plant/edge-7` has one device, `pump-a7`, whose vibration rises by 0.1 with each message. The end of
standard input ends the node in good order.
"""

import sys
import threading
import time

import pysparkplug as spb

asked = threading.Event()


def on_command(_node, message):
    """The library leaves the request for a birth to its user."""
    if any(it.name == "Node Control/Rebirth" and it.value for it in message.payload.metrics):
        asked.set()


node = spb.EdgeNode(group_id="plant", edge_node_id="edge-7", metrics=(), cmd_callback=on_command)


def metric(name, datatype, value):
    return spb.Metric(timestamp=spb.get_current_timestamp(), name=name, datatype=datatype, value=value)


node.register(
    spb.Device(
        device_id="pump-a7",
        metrics=(
            metric("vib_z_rms", spb.DataType.FLOAT, 2.8),
            metric("temp", spb.DataType.DOUBLE, 40.4),
        ),
    )
)


def connect():
    node.connect("127.0.0.1", port=int(sys.argv[1]), blocking=False)


connect()
ended = threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()
time.sleep(1)
value = 2.8
while not ended.wait(0.2):
    if asked.is_set():
        asked.clear()
        node.disconnect()
        connect()
        time.sleep(1)
    value += 0.1
    node.update_device("pump-a7", [metric("vib_z_rms", spb.DataType.FLOAT, value)])
node.disconnect()
