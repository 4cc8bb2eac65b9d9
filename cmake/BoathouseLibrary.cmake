# The helpers that folders use. A library = a folder = a CMake target = a namespace.
#
#   boathouse_library(pm5 DEPENDS rowing base)                 other libraries of ours, public
#   boathouse_library(http DEPENDS base EXTERNAL Boost::headers)    third party, private
#   boathouse_library(ledger ... TEST_DEPENDS pm5 TEST_EXTERNAL ...)     for its *_test.cpp alone
#   boathouse_library(rowing ONE_THREAD)                      its tests start no thread: ThreadSanitizer has nothing to find
#   boathouse_program(boathouse DEPENDS api EXTERNAL ...)      main.cpp + the rest as a testable library
#   boathouse_benches(DEPENDS pm5 wire)                        decode_bench.cpp -> bin/bench-decode
#   boathouse_fuzzers(DEPENDS pm5 wire)                        chunk_fuzz.cpp -> bin/fuzz-chunk
#   boathouse_test(push_test LABEL e2e DEPENDS ... SOURCES ...)     a test program that lies beside no library
#   boathouse_script_test(first_light LABEL e2e SCRIPT first_light.sh)     a test that is a bash script
# Labels: unit (the default; runs under the sanitizers too), threads (those of unit that ThreadSanitizer runs), structure,
# e2e, long (./test --long alone).
#
# Sources are globbed: a new .cpp is seen by the next build.

function(_boathouse_prefixed out)
  list(TRANSFORM ARGN PREPEND "boathouse::")
  set(${out} ${ARGN} PARENT_SCOPE)
endfunction()

# Puts this folder's files into <prefix>_sources, _headers and _tests (*_test.cpp and the test_*.cpp they share);
# *_bench.cpp and *_fuzz.cpp are nobody's here, and test_*.hpp is no public header.
macro(_boathouse_glob prefix)
  file(GLOB ${prefix}_headers CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/*.hpp" "${CMAKE_CURRENT_SOURCE_DIR}/*.h")
  file(GLOB ${prefix}_sources CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/*.cpp")
  set(${prefix}_tests ${${prefix}_sources})
  list(FILTER ${prefix}_tests INCLUDE REGEX "(_test\\.cpp|/test_[^/]*\\.cpp)$")
  list(FILTER ${prefix}_sources EXCLUDE REGEX "(_(test|bench|fuzz)\\.cpp|/test_[^/]*\\.cpp)$")
  list(FILTER ${prefix}_headers EXCLUDE REGEX "/test_[^/]*$")
endmacro()

# One ctest entry a program. tests/support/paths.hpp tells it where data and programs are.
function(boathouse_test name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "ONE_THREAD" "LABEL" "DEPENDS;EXTERNAL;SOURCES")
  if(NOT BOATHOUSE_TESTS)
    return()
  endif()
  _boathouse_prefixed(depends ${arg_DEPENDS})
  add_executable(${name} ${arg_SOURCES})
  target_include_directories(${name} PRIVATE "${PROJECT_SOURCE_DIR}")
  target_link_libraries(${name} PRIVATE
      ${depends} ${arg_EXTERNAL} test-support GTest::gmock GTest::gtest_main Threads::Threads)
  target_precompile_headers(${name} REUSE_FROM test-precompiled)
  # Not in bin/, which holds what people run.
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/tests")
  set(label ${arg_LABEL})
  if(NOT arg_LABEL OR arg_LABEL STREQUAL "unit")
    set(label unit)
    add_dependencies(unit_tests ${name})
    if(arg_ONE_THREAD)
      _boathouse_check_one_thread(${name} ${arg_SOURCES})
    else()
      list(APPEND label threads)
      add_dependencies(thread_tests ${name})
    endif()
  endif()
  add_test(NAME ${name} COMMAND ${name})
  _boathouse_test_properties(${name} "${label}")
endfunction()

# ONE_THREAD is a promise: a test that starts a thread may not be kept from ThreadSanitizer.
function(_boathouse_check_one_thread name)
  foreach(source IN LISTS ARGN)
    file(STRINGS "${source}" threads REGEX "#include <(thread|future)>|std::(thread|jthread|async)|pthread_create")
    if(threads)
      message(FATAL_ERROR "${source} starts threads: take ONE_THREAD from the folder of ${name}, or the thread from the test")
    endif()
  endforeach()
endfunction()

# A test that is a bash script. Its environment tells it where the source, the programs and the engine are. It prints one
# line "ok NAME" or "not ok NAME" a case; one that cannot run here prints "skip: why" and exits 77.
function(boathouse_script_test name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "LABEL;SCRIPT" "ARGUMENTS")
  if(BOATHOUSE_TESTS)
    add_test(NAME ${name} COMMAND bash "${CMAKE_CURRENT_SOURCE_DIR}/${arg_SCRIPT}" ${arg_ARGUMENTS})
    _boathouse_test_properties(${name} "${arg_LABEL}")
  endif()
endfunction()

function(_boathouse_test_properties name label)
  if(NOT label)
    set(label unit)
  endif()
  # die_after_fork: crash tests fork, and a thread that watches over waits for PostgreSQL (server/sql/deadline) may be there.
  set(environment
      "BOATHOUSE_SOURCE_DIR=${PROJECT_SOURCE_DIR}"
      "BOATHOUSE_PROGRAMS=${PROJECT_BINARY_DIR}/bin"
      "BOATHOUSE_ENGINE_BINARY=${BOATHOUSE_ENGINE_BINARY}"
      "ASAN_OPTIONS=detect_stack_use_after_return=1:strict_string_checks=1"
      "UBSAN_OPTIONS=print_stacktrace=1"
      "TSAN_OPTIONS=suppressions=${PROJECT_SOURCE_DIR}/cmake/tsan.supp:second_deadlock_stack=1:die_after_fork=0")
  # The long ones first, so that no core is idle at the end.
  if(name MATCHES "^(simulation|ledger|boathouse|backup|pm5|wire)_test$")
    set_tests_properties(${name} PROPERTIES COST 60)
  endif()
  # A test that hangs must end; on a slow machine ledger_test, which makes a PostgreSQL database for half of its cases, takes
  # five minutes with AddressSanitizer.
  set_tests_properties(${name} PROPERTIES
      LABELS "${label}" TIMEOUT 900 SKIP_RETURN_CODE 77 ENVIRONMENT "${environment}")
endfunction()

# In the lanes that do not optimise, reading the standard library's headers is half of a file's time: our libraries
# share them precompiled there. The other lanes compile each file with its own includes alone.
function(_boathouse_precompiled name)
  if(NOT BOATHOUSE_PRECOMPILED)
    return()
  endif()
  if(NOT TARGET standard-precompiled)
    set(empty "${PROJECT_BINARY_DIR}/standard_precompiled.cpp")
    file(WRITE "${empty}" "")
    add_library(standard-precompiled STATIC EXCLUDE_FROM_ALL "${empty}")
    target_link_libraries(standard-precompiled PRIVATE Threads::Threads)
    target_include_directories(standard-precompiled PRIVATE "${PROJECT_SOURCE_DIR}")
    # By a name without a path of this checkout.
    target_precompile_headers(standard-precompiled PRIVATE <cmake/standard.hpp>)
    _boathouse_guide_fuzzers(standard-precompiled)
  endif()
  target_link_libraries(${name} PRIVATE Threads::Threads)  # its flags must be those of the precompiled header
  target_precompile_headers(${name} REUSE_FROM standard-precompiled)
endfunction()

# Counts the branches taken, by which libFuzzer finds its way. Not in the tests, whose compilation it makes a third longer.
function(_boathouse_guide_fuzzers name)
  if(BOATHOUSE_FUZZ)
    target_compile_options(${name} PRIVATE -fsanitize=fuzzer-no-link)
  endif()
endfunction()

function(boathouse_library name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "ONE_THREAD" "" "DEPENDS;EXTERNAL;TEST_DEPENDS;TEST_EXTERNAL")
  _boathouse_glob(found)
  _boathouse_prefixed(depends ${arg_DEPENDS})

  set(kind STATIC)
  set(scope PUBLIC)
  if(NOT found_sources)
    set(kind INTERFACE)
    set(scope INTERFACE)
  endif()
  add_library(${name} ${kind} ${found_sources})
  add_library(boathouse::${name} ALIAS ${name})
  target_include_directories(${name} ${scope} "${PROJECT_SOURCE_DIR}")
  target_link_libraries(${name} ${scope} ${depends})
  if(found_headers)
    target_sources(${name} ${scope} FILE_SET HEADERS BASE_DIRS "${PROJECT_SOURCE_DIR}" FILES ${found_headers})
  endif()
  if(arg_EXTERNAL AND kind STREQUAL "STATIC")
    target_link_libraries(${name} PRIVATE ${arg_EXTERNAL})
  endif()
  if(kind STREQUAL "STATIC")
    _boathouse_precompiled(${name})
    _boathouse_guide_fuzzers(${name})
  endif()

  if(found_tests)
    set(one_thread)
    if(arg_ONE_THREAD)
      set(one_thread ONE_THREAD)
    endif()
    boathouse_test(${name}_test ${one_thread}
        DEPENDS ${name} ${arg_TEST_DEPENDS} EXTERNAL ${arg_TEST_EXTERNAL} SOURCES ${found_tests})
  endif()
endfunction()

function(boathouse_program name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "DEPENDS;EXTERNAL;TEST_DEPENDS;TEST_EXTERNAL")
  _boathouse_glob(found)
  set(main "${CMAKE_CURRENT_SOURCE_DIR}/main.cpp")
  list(REMOVE_ITEM found_sources "${main}")
  _boathouse_prefixed(depends ${arg_DEPENDS})

  add_executable(${name} "${main}")
  target_include_directories(${name} PRIVATE "${PROJECT_SOURCE_DIR}")
  target_link_libraries(${name} PRIVATE Threads::Threads)
  target_compile_definitions(${name} PRIVATE BOATHOUSE_VERSION="${PROJECT_VERSION}")
  if(NOT found_sources)
    target_link_libraries(${name} PRIVATE ${depends} ${arg_EXTERNAL})
    return()
  endif()

  set(parts ${name}-parts)
  add_library(${parts} STATIC ${found_sources})
  add_library(boathouse::${parts} ALIAS ${parts})
  target_include_directories(${parts} PUBLIC "${PROJECT_SOURCE_DIR}")
  target_compile_definitions(${parts} PRIVATE BOATHOUSE_VERSION="${PROJECT_VERSION}")
  target_link_libraries(${parts} PUBLIC ${depends} PRIVATE ${arg_EXTERNAL})
  _boathouse_precompiled(${parts})
  _boathouse_guide_fuzzers(${parts})
  if(found_headers)
    target_sources(${parts} PUBLIC FILE_SET HEADERS BASE_DIRS "${PROJECT_SOURCE_DIR}" FILES ${found_headers})
  endif()
  target_link_libraries(${name} PRIVATE ${parts} ${arg_EXTERNAL})
  if(found_tests)
    boathouse_test(${name}_test
        DEPENDS ${parts} ${arg_TEST_DEPENDS} EXTERNAL ${arg_TEST_EXTERNAL} SOURCES ${found_tests})
  endif()
endfunction()

function(boathouse_benches)
  cmake_parse_arguments(PARSE_ARGV 0 arg "" "" "DEPENDS;EXTERNAL")
  _boathouse_prefixed(depends ${arg_DEPENDS})
  file(GLOB sources CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/*_bench.cpp")
  foreach(source IN LISTS sources)
    cmake_path(GET source STEM stem)
    string(REGEX REPLACE "_bench$" "" stem "${stem}")
    string(REPLACE "_" "-" stem "${stem}")
    add_executable(bench-${stem} "${source}")
    target_include_directories(bench-${stem} PRIVATE "${PROJECT_SOURCE_DIR}")
    target_link_libraries(bench-${stem} PRIVATE
        ${depends} ${arg_EXTERNAL} benchmark::benchmark benchmark::benchmark_main)
  endforeach()
endfunction()

function(boathouse_fuzzers)
  cmake_parse_arguments(PARSE_ARGV 0 arg "" "" "DEPENDS;EXTERNAL")
  _boathouse_prefixed(depends ${arg_DEPENDS})
  file(GLOB sources CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/*_fuzz.cpp")
  add_custom_target(fuzzers)
  foreach(source IN LISTS sources)
    cmake_path(GET source STEM stem)
    string(REGEX REPLACE "_fuzz$" "" stem "${stem}")
    add_executable(fuzz-${stem} "${source}")
    target_include_directories(fuzz-${stem} PRIVATE "${PROJECT_SOURCE_DIR}")
    target_link_libraries(fuzz-${stem} PRIVATE ${depends} ${arg_EXTERNAL})
    _boathouse_guide_fuzzers(fuzz-${stem})
    target_link_options(fuzz-${stem} PRIVATE -fsanitize=fuzzer)
    add_dependencies(fuzzers fuzz-${stem})
  endforeach()
endfunction()
