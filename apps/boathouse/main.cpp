#include "apps/boathouse/command_line.hpp"

int main(int argc, char** argv) { return boathouse::app::run(argc, argv); }
