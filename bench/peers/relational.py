#!/usr/bin/env python3
"""The samples of bench-timeseries in PostgreSQL or SQLite: bytes, insert rate, the five questions.

    bench-timeseries csv --samples N | relational.py postgres PSQL_URL SESSION_ROWS
    bench-timeseries csv --samples N | relational.py sqlite FILE SESSION_ROWS

Keys and indexes as somebody who knows them would choose for these questions: a small number for each recording, samples
by that and their own number, recordings and sessions by athlete and start. Prints a table of the same form as bench-timeseries.
"""
import datetime
import os
import random
import sqlite3
import subprocess
import sys
import time

METRICS = ["elapsed_cs", "distance_dm", "pace_cs_per_500m", "avg_power_w", "stroke_rate_spm", "heart_rate_bpm",
           "total_calories", "drag_factor", "rowing_state"]
RUNS = 100
ATHLETES = 10_000


def line(what, number, unit):
    print(f"{what:<58} {number:12.4g} {unit}", flush=True)


def athlete(number):
    return f"00000000-0000-7000-8000-{number % ATHLETES:012x}"


def quantile(values, q):
    values = sorted(values)
    return values[min(len(values) - 1, int(q * len(values)))]


def session_rows(count):
    """Lines of table session."""
    chance = random.Random(1)
    begin = 1_704_067_200_000
    for n in range(count):
        seconds = 900 + chance.randrange(2000)
        yield (athlete(n), begin + chance.randrange(63_072_000_000), f"{chance.getrandbits(128):032x}", f"Morning row {n % 1000}",
               seconds * 100, seconds * 40 + chance.randrange(4000), 10_500 + chance.randrange(4000), 120 + chance.randrange(160),
               18 + n % 14, 120 + n % 60, 200 + n % 600, 500 + n % 900)


# Each answers one of the five with its n-th choice.
def questions(keys, parameter, window):
    def key(n):
        return keys[n * 7919 % len(keys)]
    team = [[athlete(n * 31 + i * 17) for i in range(30)] for n in range(RUNS)]
    p = parameter
    return [
        ("one session's samples, the nine metrics",
         f"SELECT seq, {', '.join(METRICS)} FROM sample WHERE rec = {p(1)} ORDER BY seq", lambda n: [key(n)[2]]),
        ("page of 50 sessions", f"SELECT * FROM session WHERE athlete = {p(1)} ORDER BY started DESC, session DESC LIMIT 51",
         lambda n: [athlete(n * 7919)]),
        ("leaderboard of a team of 30, one season",
         "SELECT athlete, sum(work_distance_dm) AS distance, count(*) FROM session WHERE athlete IN (" +
         ", ".join(p(i + 3) for i in range(30)) + f") AND started >= {p(1)} AND started < {p(2)} GROUP BY athlete ORDER BY distance DESC",
         lambda n: [window(1_714_521_600_000), window(1_746_057_600_000)] + team[n % RUNS]),
        # Neither has a function for it: the first and the largest pace of a thousand equal pieces.
        ("chart of a session, 1,000 points",
         f"SELECT min(elapsed_cs), max(pace_cs_per_500m) FROM sample WHERE rec = {p(1)} GROUP BY seq * 1000 / "
         f"(SELECT max(seq) + 1 FROM sample WHERE rec = {p(1)}) ORDER BY 1", lambda n: [key(n)[2]]),
        ("an athlete's 30 days, from the samples",
         f"SELECT rec, max(distance_dm), avg(avg_power_w) FROM recording JOIN sample USING (rec) WHERE athlete = {p(1)} AND started >= {p(2)} AND started < {p(3)} GROUP BY rec",
         lambda n: [key(n)[0], window(key(n)[1]), window(key(n)[1] + 2_592_000_000)]),
    ]


def report(name, size, rows, insert_s, times):
    line(f"{name}: samples", rows, "rows")
    line(f"{name}: on disk, with its indexes", size / rows, "B/sample")
    line(f"{name}: insert", rows / insert_s / 1e6, "M rows/s")
    for what, ms in times:
        line(f"{name}: {what}, p50", quantile(ms, 0.5), "ms")
        line(f"{name}: {what}, p99", quantile(ms, 0.99), "ms")


def sqlite(file, count):
    if os.path.exists(file):
        os.remove(file)
    db = sqlite3.connect(file, isolation_level=None)
    db.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -1000000; PRAGMA mmap_size = 8000000000;")
    columns = ", ".join(f"{m} INTEGER" for m in METRICS)
    db.execute("CREATE TABLE recording (rec INTEGER PRIMARY KEY, rec_id BLOB, athlete BLOB, started INTEGER)")
    db.execute(f"CREATE TABLE sample (rec INTEGER, seq INTEGER, {columns}, PRIMARY KEY (rec, seq)) WITHOUT ROWID")
    keys = {}

    def rows():
        for text in sys.stdin:
            fields = text.rstrip("\n").split(",")
            if fields[2] not in keys:
                keys[fields[2]] = (blob(fields[0]), int(fields[1]), len(keys))
            yield [keys[fields[2]][2]] + [int(f) for f in fields[3:]]

    def blob(uuid):
        return bytes.fromhex(uuid.replace("-", ""))

    began = time.monotonic()
    total = 0
    source = rows()
    while True:
        block = [row for row, _ in zip(source, range(100_000))]
        if not block:
            break
        db.execute("BEGIN")
        db.executemany(f"INSERT INTO sample VALUES ({','.join('?' * 11)})", block)
        db.execute("COMMIT")
        total += len(block)
    db.execute("BEGIN")
    db.executemany("INSERT INTO recording VALUES (?, ?, ?, ?)", [(rec, blob(uuid), who, started) for uuid, (who, started, rec) in keys.items()])
    db.execute("CREATE INDEX by_athlete ON recording (athlete, started)")
    db.execute("COMMIT")
    insert_s = time.monotonic() - began
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    size = os.path.getsize(file)
    db.execute("CREATE TABLE session (athlete TEXT, started INTEGER, session TEXT, title TEXT, work_time_cs INTEGER, work_distance_dm INTEGER, "
               "pace INTEGER, power INTEGER, spm INTEGER, hr INTEGER, cal INTEGER, strokes INTEGER, PRIMARY KEY (athlete, started, session)) WITHOUT ROWID")
    db.execute("BEGIN")
    db.executemany(f"INSERT INTO session VALUES ({','.join('?' * 12)})", session_rows(count))
    db.execute("COMMIT")
    times = []
    for what, sql, values in questions(list(keys.values()), lambda i: f"?{i}", lambda ms: ms):
        ms = []
        for n in range(RUNS + 5):
            began = time.monotonic()
            db.execute(sql, values(n)).fetchall()
            if n >= 5:
                ms.append((time.monotonic() - began) * 1e3)
        times.append((what, ms))
    report("SQLite " + sqlite3.sqlite_version, size, total, insert_s, times)


def stamp(ms):
    return datetime.datetime.fromtimestamp(ms / 1000, datetime.timezone.utc).isoformat()


class Psql:
    """One psql over one connection; each call waits for the end of its statement."""

    def __init__(self, url):
        self.process = subprocess.Popen(["psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, sql):
        self.process.stdin.write(sql + ";\n\\echo --end--\n")
        self.process.stdin.flush()
        rows = []
        while (text := self.process.stdout.readline()) != "--end--\n":
            if text == "":
                raise SystemExit("psql ended: " + sql[:200])
            rows.append(text.rstrip("\n"))
        return rows


def copy(url, table, lines):
    process = subprocess.Popen(["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", url, "-c", f"\\copy {table} FROM STDIN WITH (FORMAT csv)"], stdin=subprocess.PIPE, text=True)
    for text in lines:
        process.stdin.write(text)
    process.stdin.close()
    if process.wait() != 0:
        raise SystemExit("COPY failed")


def postgres(url, count):
    psql = Psql(url)
    columns = ", ".join(f"{m} {'integer' if m in ('elapsed_cs', 'distance_dm', 'pace_cs_per_500m') else 'smallint'}" for m in METRICS)
    psql.ask("CREATE TABLE recording (rec integer PRIMARY KEY, rec_id uuid, athlete uuid, started timestamptz)")
    psql.ask(f"CREATE TABLE sample (rec integer, seq integer, {columns}, PRIMARY KEY (rec, seq))")
    keys = {}
    rows = 0

    def samples():
        nonlocal rows
        for text in sys.stdin:
            who, started, rec, rest = text.split(",", 3)
            if rec not in keys:
                keys[rec] = (who, int(started), len(keys))
            rows += 1
            yield f"{keys[rec][2]},{rest}"

    began = time.monotonic()
    copy(url, "sample", samples())
    copy(url, "recording", (f"{rec},{uuid},{who},{stamp(started)}\n" for uuid, (who, started, rec) in keys.items()))
    psql.ask("CREATE INDEX by_athlete ON recording (athlete, started)")
    insert_s = time.monotonic() - began
    psql.ask("VACUUM ANALYZE sample")
    psql.ask("VACUUM ANALYZE recording")
    size = int(psql.ask("SELECT pg_total_relation_size('sample')")[0])
    psql.ask("CREATE TABLE session (athlete uuid, started timestamptz, session uuid, title text, work_time_cs integer, work_distance_dm integer, "
             "pace integer, power integer, spm integer, hr integer, cal integer, strokes integer, PRIMARY KEY (athlete, started, session))")
    copy(url, "session", (",".join([r[0], stamp(r[1])] + [str(v) for v in r[2:]]) + "\n" for r in session_rows(count)))
    psql.ask("VACUUM ANALYZE session")
    times = []
    for number, (what, sql, values) in enumerate(questions(list(keys.values()), lambda i: f"${i}", lambda ms: stamp(ms))):
        psql.ask(f"PREPARE q{number} AS {sql}")
        ms = []
        for n in range(RUNS + 5):
            call = f"EXECUTE q{number} (" + ", ".join(f"'{v}'" for v in values(n)) + ")"
            began = time.monotonic()
            psql.ask(call)
            if n >= 5:
                ms.append((time.monotonic() - began) * 1e3)
        times.append((what, ms))
    report("PostgreSQL " + psql.ask("SHOW server_version")[0].split(" ")[0], size, rows, insert_s, times)


if __name__ == "__main__":
    {"postgres": postgres, "sqlite": sqlite}[sys.argv[1]](sys.argv[2], int(sys.argv[3]))
