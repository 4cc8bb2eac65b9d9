// For the tests of the assembler alone: a fixture that feeds it.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <vector>

#include "core/pm5/assembler.hpp"
#include "core/pm5/test_notifications.hpp"

namespace boathouse::pm5 {

class AssemblerTest : public testing::Test {
 protected:
  // Each call gives the records that it completed.
  std::vector<rowing::Record> push(std::int64_t ms, std::uint8_t id, ColumnValues columns, Form form = Form::direct) {
    return push_bytes(ms, form == Form::direct ? id : kMultiplexed, payload_of(id, columns, form));
  }
  std::vector<rowing::Record> push_bytes(std::int64_t ms, std::uint16_t id, const base::Bytes& payload) {
    std::vector<rowing::Record> out;
    assembler_.push(decoded(id, payload), ms, out);
    return out;
  }
  std::vector<rowing::Record> status(std::int64_t ms, std::int64_t elapsed_cs, std::int64_t distance_dm,
                                     std::int64_t type = 3, std::int64_t total_m = 0, std::int64_t state = 1) {
    return push(ms, 0x31,
                {{"elapsed_cs", elapsed_cs},
                 {"distance_dm", distance_dm},
                 {"workout_type", type},
                 {"total_work_distance_m", total_m},
                 {"workout_state", state}});
  }
  std::vector<rowing::Record> force(std::int64_t ms, std::uint8_t packets, std::uint8_t sequence,
                                    std::vector<std::uint16_t> points) {
    ForcePacket packet{packets, static_cast<std::uint8_t>(points.size()), sequence, {}};
    std::ranges::copy(points, packet.force.begin());
    return push_bytes(ms, 0x3D, encode_force_packet(packet, Form::direct).value());
  }
  std::vector<rowing::Record> tick(std::int64_t ms) {
    std::vector<rowing::Record> out;
    assembler_.tick(ms, out);
    return out;
  }
  std::vector<rowing::Record> flush() {
    std::vector<rowing::Record> out;
    assembler_.flush(out);
    return out;
  }

  Assembler assembler_;
};

}  // namespace boathouse::pm5
