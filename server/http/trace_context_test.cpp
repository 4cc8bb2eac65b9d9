#include "server/http/trace_context.hpp"

#include <gtest/gtest.h>

namespace boathouse::http {
namespace {

std::string trace_of(std::initializer_list<const char*> values) {
  Headers headers;
  for (const char* value : values) {
    headers.add("Traceparent", value);
  }
  return trace_id_of(headers);
}

TEST(TraceContext, IsTakenFromATraceparent) {
  const std::string trace = "4bf92f3577b34da6a3ce929d0e0e4736";
  EXPECT_EQ(trace_of({"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}), trace);
  EXPECT_EQ(trace_of({"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-ff"}), trace) << "flags of later";
  EXPECT_EQ(trace_of({"cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}), trace) << "a later version";
  EXPECT_EQ(trace_of({"cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more"}), trace);
}

TEST(TraceContext, WhatTheStandardCallsInvalidIsNone) {
  EXPECT_EQ(trace_of({}), "");
  EXPECT_EQ(trace_of({"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
                      "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}),
            "");
  for (const char* bad : {"", "00", "x", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0",
                          "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
                          "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01more",
                          "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
                          "0x-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
                          "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
                          "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
                          "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
                          "00-4bf92f3577b34da6a3ce929d0e0e473\"-00f067aa0ba902b7-01",
                          "00_4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
                          "00-4bf92f3577b34da6a3ce929d0e0e4736_00f067aa0ba902b7-01",
                          "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7_01",
                          "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0g"}) {
    EXPECT_EQ(trace_of({bad}), "") << bad;
  }
}

}  // namespace
}  // namespace boathouse::http
