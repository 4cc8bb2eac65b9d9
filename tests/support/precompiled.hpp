// What nearly every test program includes, compiled once a build: GoogleTest's headers cost more to read than most
// tests. Each test still names what it uses; this header only saves time (cmake/BoathouseLibrary.cmake).
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <vector>
