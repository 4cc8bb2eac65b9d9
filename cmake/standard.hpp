// What most of our sources include of the standard library, compiled once a build where BOATHOUSE_PRECOMPILED is on. Each
// source still names what it uses; this header only saves time (cmake/BoathouseLibrary.cmake).
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <charconv>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <variant>
#include <vector>
