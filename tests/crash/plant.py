"""The machines of the crash tests: Modbus TCP devices of a foreign make.

usage: plant.py UNITS PORT [PORT ...]

On each port stand UNITS devices, numbered through from 1; device N is unit (N-1) % UNITS + 1. Every
answer of a device carries the number of answers that it has given, so whoever has the readings can
tell which one is missing. A line `fault N` on standard input overheats device N for good; the end of
standard input ends the plant.
"""

import asyncio
import math
import random
import struct
import sys

from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

REGISTERS = 11


def words(layout, *values):
    packed = struct.pack(">" + layout, *values)
    return list(struct.unpack(f">{len(packed) // 2}H", packed))


class Machine:
    def __init__(self, number):
        self.number = number
        self.answers = 0
        self.heat = 0.0
        self.random = random.Random(number)

    async def answer(self, _function, start, address, count, registers, written):
        if written is not None or not address <= 0 < address + count:
            return None
        self.answers += 1
        if self.heat:
            self.heat = min(self.heat + 0.02, 60.0)
        noise = self.random.gauss(0.0, 1.0)
        temperature = 45.0 + 2.0 * math.sin(self.answers / 200) + 0.2 * noise + self.heat
        current = 12.0 + 0.1 * self.random.gauss(0.0, 1.0)
        pressure = 6.0 + 0.05 * self.random.gauss(0.0, 1.0)
        program = f"P{self.answers // 20:07d}".encode("ascii")
        registers[0 - start : REGISTERS - start] = (
            words("I", self.answers)
            + words("hH", round(temperature * 10), round(current * 100))
            + words("f", pressure)
            + words("8s", program)
            + words("H", self.answers & 0xFFFF)
        )
        return None

    def device(self, unit):
        block = SimData(address=0, values=[0] * REGISTERS, datatype=DataType.REGISTERS)
        return SimDevice(id=unit, simdata=[block], action=self.answer)


async def main():
    units, ports = int(sys.argv[1]), [int(port) for port in sys.argv[2:]]
    machines = [Machine(number + 1) for number in range(units * len(ports))]
    servers = []
    for link, port in enumerate(ports):
        on_link = machines[link * units : (link + 1) * units]
        devices = [machine.device(unit + 1) for unit, machine in enumerate(on_link)]
        servers.append(ModbusTcpServer(devices, address=("127.0.0.1", port)))
        await servers[-1].serve_forever(background=True)
    print("ready", flush=True)
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        word, number = line.split()
        if word == "fault":
            # A greater leap would be the sensor's, not the motor's.
            machines[int(number) - 1].heat = 10.0
            print(f"fault {number}", flush=True)
    for server in servers:
        await server.shutdown()


asyncio.run(main())
