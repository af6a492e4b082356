"""Modbus slaves on one line, by python3-pymodbus.

    modbus_slave.py PORT|tcp:PORT [UNIT…]

Lines "ADDRESS NUMBER [UNIT]" on standard input set holding registers; says "ready" once
it serves. Without units there is unit 1. Other units than these get no answer.
"""

import asyncio
import sys

from pymodbus.datastore import ModbusSequentialDataBlock, ModbusServerContext, ModbusSlaveContext
from pymodbus.server import StartAsyncSerialServer, StartAsyncTcpServer
from pymodbus.transaction import ModbusRtuFramer

HOLDING = 3


async def read_commands(slaves):
    loop = asyncio.get_running_loop()
    while True:
        line = await loop.run_in_executor(None, sys.stdin.readline)
        if not line:
            return
        address, number, *unit = line.split()
        slave = slaves[int(unit[0])] if unit else next(iter(slaves.values()))
        slave.setValues(HOLDING, int(address), [int(number)])


async def serve(port, context):
    if port.startswith("tcp:"):
        await StartAsyncTcpServer(context, address=("127.0.0.1", int(port[4:])),
                                  allow_reuse_address=True)
    else:
        await StartAsyncSerialServer(context, framer=ModbusRtuFramer, port=port, baudrate=9600,
                                     timeout=0.005, ignore_missing_slaves=True)


async def main(port, units):
    slaves = {unit: ModbusSlaveContext(hr=ModbusSequentialDataBlock(0, [0] * 100), zero_mode=True)
              for unit in units}
    context = ModbusServerContext(slaves=slaves, single=False)
    commands = asyncio.create_task(read_commands(slaves))
    server = asyncio.create_task(serve(port, context))
    await asyncio.sleep(0)
    print("ready", flush=True)
    await asyncio.wait({commands, server}, return_when=asyncio.FIRST_EXCEPTION)


asyncio.run(main(sys.argv[1], [int(unit) for unit in sys.argv[2:]] or [1]))
