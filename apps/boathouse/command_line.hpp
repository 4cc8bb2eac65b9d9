// The command line of `boathouse`: names, flags and help. The one file that knows CLI11.
#pragma once

namespace boathouse::app {

// Parses and runs. The exit code: 0 done, 1 the work failed or a check found a difference, 2 wrong use.
int run(int argc, char** argv);

}  // namespace boathouse::app
