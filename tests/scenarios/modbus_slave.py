"""A Modbus RTU slave (unit 1) on a serial port, by python3-pymodbus.

Lines "ADDRESS NUMBER" on standard input set holding registers; says "ready" once it
serves.
"""

import asyncio
import sys

from pymodbus.datastore import ModbusSequentialDataBlock, ModbusServerContext, ModbusSlaveContext
from pymodbus.server import StartAsyncSerialServer
from pymodbus.transaction import ModbusRtuFramer

HOLDING = 3


async def read_commands(slave):
    loop = asyncio.get_running_loop()
    while True:
        line = await loop.run_in_executor(None, sys.stdin.readline)
        if not line:
            return
        address, number = line.split()
        slave.setValues(HOLDING, int(address), [int(number)])


async def main(port):
    slave = ModbusSlaveContext(hr=ModbusSequentialDataBlock(0, [0] * 100), zero_mode=True)
    context = ModbusServerContext(slaves={1: slave}, single=False)
    commands = asyncio.create_task(read_commands(slave))
    server = asyncio.create_task(StartAsyncSerialServer(
        context, framer=ModbusRtuFramer, port=port, baudrate=9600, timeout=0.005))
    await asyncio.sleep(0)
    print("ready", flush=True)
    await asyncio.wait({commands, server}, return_when=asyncio.FIRST_EXCEPTION)


asyncio.run(main(sys.argv[1]))
