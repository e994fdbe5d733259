"""Does now what the server would do on its own within a minute of a large load, in the middle of the measuring:
settle.py DATABASE_URL…"""
import asyncio
import sys

import asyncpg


async def main(urls):
    for url in urls:
        connection = await asyncpg.connect(url)
        await connection.execute("VACUUM ANALYZE")
        await connection.execute("CHECKPOINT")
        await connection.close()


asyncio.run(main(sys.argv[1:]))
