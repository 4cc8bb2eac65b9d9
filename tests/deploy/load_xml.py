"""load_xml.py LIBCHDB FOLDER CONFIG: opens the embedded ClickHouse with a server's configuration file and answers the statements of standard
input, one a line, as JSON lines {"result"} or {"error"}. Python, because libchdb is loaded at run time and nothing else here is in C."""
import ctypes
import json
import sys

library, folder, config = sys.argv[1:]
chdb = ctypes.CDLL(library)
chdb.chdb_set_signal_handlers_enabled(0)
chdb.chdb_connect.restype = ctypes.POINTER(ctypes.c_void_p)
chdb.chdb_query_with_params_n.restype = ctypes.c_void_p
for name, kind in (("buffer", ctypes.c_void_p), ("length", ctypes.c_size_t), ("error", ctypes.c_char_p)):
    getattr(chdb, f"chdb_result_{name}").argtypes = [ctypes.c_void_p]
    getattr(chdb, f"chdb_result_{name}").restype = kind
arguments = [b"boathouse", f"--path={folder}".encode(), f"--config-file={config}".encode()]
connection = chdb.chdb_connect(len(arguments), (ctypes.c_char_p * (len(arguments) + 1))(*arguments, None))
if not connection:
    sys.exit("the configuration was refused; the reason is above")
for line in sys.stdin.buffer:
    line = line.rstrip(b"\n")
    result = chdb.chdb_query_with_params_n(
        ctypes.c_void_p(connection[0]), line, ctypes.c_size_t(len(line)), b"TSV", ctypes.c_size_t(3), None, None, None, None, ctypes.c_size_t(0))
    error = chdb.chdb_result_error(result)
    text = ctypes.string_at(chdb.chdb_result_buffer(result), chdb.chdb_result_length(result)).decode() if not error else ""
    print(json.dumps({"error": error.decode()} if error else {"result": text.rstrip("\n")}), flush=True)
sys.stdout.flush()
# Without the destructors of globals: threads of the library may still use them.
ctypes.CDLL(None)._exit(0)
