"""Creates an empty database: create_database.py SERVER_URL NAME."""
import asyncio
import sys

import asyncpg


async def main(url, name):
    connection = await asyncpg.connect(url)
    await connection.execute(f'CREATE DATABASE "{name}"')
    await connection.close()


asyncio.run(main(*sys.argv[1:]))
