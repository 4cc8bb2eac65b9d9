"""clickhouse_server.py LIBCHDB FOLDER CONFIG: ClickHouse's own server out of the library that the engine is made of, with a server's configuration: its listeners
for HTTP and TCP, its users and passwords, its logs. Until standard input ends. It is what the library has of `clickhouse local`, so it has no port for
other replicas and carries out nothing ON CLUSTER. Python, because the library is loaded at run time and nothing else here is in C."""
import ctypes
import os
import sys
import threading

library, folder, config = sys.argv[1:]
chdb = ctypes.CDLL(library)
chdb.chdb_set_signal_handlers_enabled(0)
chdb.chdb_query_cmdline.restype = ctypes.c_void_p
chdb.chdb_result_error.argtypes = [ctypes.c_void_p]
chdb.chdb_result_error.restype = ctypes.c_char_p
# Standard input through a pipe, which can be opened by name whatever standard input is.
pipe, end = os.pipe()
threading.Thread(target=lambda: (sys.stdin.buffer.read(), os.close(end)), daemon=True).start()
# A blank one gets a `default` of the type that it has on a server. The listeners last as long as the last query.
blank = not os.path.exists(f"{folder}/metadata/default.sql")
queries = ("DROP DATABASE default SYNC; CREATE DATABASE default ENGINE = Atomic; " if blank else "") + \
          f"SYSTEM START LISTEN TCP; SYSTEM START LISTEN HTTP; SELECT * FROM file('/proc/self/fd/{pipe}', 'LineAsString')"
arguments = [word.encode() for word in ("clickhouse", f"--path={folder}", f"--config-file={config}", "--query", queries)]
result = chdb.chdb_query_cmdline(len(arguments), (ctypes.c_char_p * (len(arguments) + 1))(*arguments, None))
error = chdb.chdb_result_error(result) if result else b"the configuration was refused; the reason is above"
if error:
    sys.stderr.write(error.decode() + "\n")
sys.stderr.flush()
# Without the destructors of globals: threads of the library may still use them.
ctypes.CDLL(None)._exit(1 if error else 0)
