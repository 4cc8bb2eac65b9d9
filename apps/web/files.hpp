// The web pages as they are in the program: built by build.mjs from this folder, nothing is read from disk. Any thread.
#pragma once

#include <span>
#include <string_view>

namespace boathouse::web {

struct File {
  std::string_view path;  // "/", "/assets/main-4PRQ2S5E.js"
  std::string_view content_type;
  std::string_view content;
  bool immutable = false;  // the name holds a hash of the content
};

// The device's page.
std::span<const File> device_files();

}  // namespace boathouse::web
