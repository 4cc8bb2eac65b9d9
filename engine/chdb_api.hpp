// The functions of libchdb 26.7.3 that the engine calls. The npm package holds the library without its header, so its
// C interface is declared here; database.cpp alone includes this. Texts are pointer and length; pointers inside a
// result live as long as the result.
#pragma once

#include <cstddef>
#include <cstdint>

extern "C" {

struct chdb_connection_;
struct chdb_result_;
struct chdb_insert_stream_;
using chdb_connection = chdb_connection_*;
using chdb_result = chdb_result_;
using chdb_insert_stream = chdb_insert_stream_*;

// 0 = success, 1 = error.
using chdb_state = int;

enum chdb_query_class : std::uint32_t {
  CHDB_QUERY_READ_ONLY = 0,
  CHDB_QUERY_MUTATING = 1,
  CHDB_QUERY_MUTATING_GLOBAL = 2,
  CHDB_QUERY_CONTROL = 3,  // SET, USE, temporary tables, SYSTEM, BACKUP, KILL ...
  CHDB_QUERY_UNKNOWN = 4,  // did not parse
};

struct chdb_query_analysis_v1 {
  std::uint32_t struct_size;  // the caller sets it
  std::uint32_t statement_count;
  std::uint32_t flags;
  std::uint32_t query_class;
};

// Before the first connection; 0 leaves the process its own signal handlers.
void chdb_set_signal_handlers_enabled(int enabled);
// argv[0] is passed over, then --path=DIR and --SETTING=VALUE. NULL on failure, its reason on stderr.
chdb_connection* chdb_connect(int argc, char** argv);
void chdb_close_conn(chdb_connection* connection);
// Ends the engine's threads; after it no connection can be made.
chdb_state chdb_shutdown(void);

chdb_result* chdb_query_with_params_n(chdb_connection connection, const char* query, std::size_t query_size,
                                      const char* format, std::size_t format_size, const char* const* names,
                                      const std::size_t* name_sizes, const char* const* values,
                                      const std::size_t* value_sizes, std::size_t parameters);
chdb_result* chdb_stream_query_with_params_n(chdb_connection connection, const char* query, std::size_t query_size,
                                             const char* format, std::size_t format_size, const char* const* names,
                                             const std::size_t* name_sizes, const char* const* values,
                                             const std::size_t* value_sizes, std::size_t parameters);
// The next block; an empty result without an error at the end.
chdb_result* chdb_stream_fetch_result(chdb_connection connection, chdb_result* stream);
void chdb_stream_cancel_query(chdb_connection connection, chdb_result* stream);
void chdb_destroy_query_result(chdb_result* result);

// Never NULL: ask chdb_stream_insert_error.
chdb_insert_stream chdb_stream_insert_with_params_n(chdb_connection connection, const char* query,
                                                    std::size_t query_size, const char* format, std::size_t format_size,
                                                    const char* const* names, const std::size_t* name_sizes,
                                                    const char* const* values, const std::size_t* value_sizes,
                                                    std::size_t parameters);
// Copies the data; may wait for the engine to keep up.
chdb_state chdb_stream_append(chdb_insert_stream stream, const void* data, std::size_t size);
chdb_result* chdb_stream_done(chdb_insert_stream stream);
void chdb_stream_cancel_insert(chdb_insert_stream stream);
const char* chdb_stream_insert_error(chdb_insert_stream stream);
void chdb_destroy_insert_stream(chdb_insert_stream stream);

char* chdb_result_buffer(chdb_result* result);
std::size_t chdb_result_length(chdb_result* result);
double chdb_result_elapsed(chdb_result* result);
std::uint64_t chdb_result_rows_read(chdb_result* result);   // of the result
std::uint64_t chdb_result_bytes_read(chdb_result* result);  // of the result
std::uint64_t chdb_result_storage_rows_read(chdb_result* result);
std::uint64_t chdb_result_storage_bytes_read(chdb_result* result);
std::uint64_t chdb_result_rows_written(chdb_result* result);
std::uint64_t chdb_result_bytes_written(chdb_result* result);
const char* chdb_result_error(chdb_result* result);

// Parses without running. A text that does not parse: success, class UNKNOWN, count 0.
chdb_state chdb_classify_query_n(chdb_connection connection, const char* sql, std::size_t sql_size,
                                 const char* database, std::size_t database_size, chdb_query_analysis_v1* analysis);
}
