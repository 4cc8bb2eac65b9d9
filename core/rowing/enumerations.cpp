#include "core/rowing/enumerations.hpp"

#include <algorithm>

namespace boathouse::rowing {
namespace {

using V = EnumerationValue;

constexpr V kWorkoutTypes[] = {{0, "just_row_no_splits"},       {1, "just_row_splits"},
                               {2, "fixed_distance_no_splits"}, {3, "fixed_distance_splits"},
                               {4, "fixed_time_no_splits"},     {5, "fixed_time_splits"},
                               {6, "fixed_time_interval"},      {7, "fixed_distance_interval"},
                               {8, "variable_interval"},        {9, "variable_interval_undefined_rest"},
                               {10, "fixed_calorie_splits"},    {11, "fixed_watt_minute_splits"},
                               {12, "fixed_calorie_interval"}};
constexpr V kIntervalTypes[] = {{0, "time"},
                                {1, "distance"},
                                {2, "rest"},
                                {3, "time_rest_undefined"},
                                {4, "distance_rest_undefined"},
                                {5, "rest_undefined"},
                                {6, "calorie"},
                                {7, "calorie_rest_undefined"},
                                {8, "watt_minute"},
                                {9, "watt_minute_rest_undefined"},
                                {255, "none"}};
constexpr V kWorkoutStates[] = {{0, "wait_to_begin"},         {1, "workout_row"},
                                {2, "countdown_pause"},       {3, "interval_rest"},
                                {4, "interval_work_time"},    {5, "interval_work_distance"},
                                {6, "rest_end_to_work_time"}, {7, "rest_end_to_work_distance"},
                                {8, "work_time_to_rest"},     {9, "work_distance_to_rest"},
                                {10, "workout_end"},          {11, "terminate"},
                                {12, "workout_logged"},       {13, "rearm"}};
constexpr V kRowingStates[] = {{0, "inactive"}, {1, "active"}};
constexpr V kStrokeStates[] = {{0, "waiting_for_min_speed"},
                               {1, "waiting_to_accelerate"},
                               {2, "driving"},
                               {3, "dwelling_after_drive"},
                               {4, "recovery"}};
constexpr V kDurationTypes[] = {{0, "time"}, {0x40, "calories"}, {0x80, "distance"}, {0xC0, "watt_minutes"}};
constexpr V kErgMachineTypes[] = {
    {0, "static_d"},        {1, "static_c"},       {2, "static_a"},       {3, "static_b"},
    {5, "static_e"},        {7, "simulator"},      {8, "dynamic"},        {16, "slides_a"},
    {17, "slides_b"},       {18, "slides_c"},      {19, "slides_d"},      {20, "slides_e"},
    {32, "linked_dynamic"}, {64, "dyno"},          {128, "skierg"},       {143, "ski_simulator"},
    {192, "bikeerg"},       {193, "bike_arms"},    {194, "bike_no_arms"}, {207, "bike_simulator"},
    {224, "multierg_row"},  {225, "multierg_ski"}, {226, "multierg_bike"}};
constexpr V kErgModels[] = {{0, "d_e"}, {1, "c_b"}, {2, "a"}};
constexpr V kOperationalStates[] = {{0, "reset"},
                                    {1, "ready"},
                                    {2, "workout"},
                                    {3, "warm_up"},
                                    {4, "race"},
                                    {5, "power_off"},
                                    {6, "pause"},
                                    {7, "boot_loader"},
                                    {8, "power_off_ship"},
                                    {9, "idle_charge"},
                                    {10, "idle"},
                                    {11, "manufacturing_test"},
                                    {12, "firmware_update"},
                                    {13, "drag_factor"},
                                    {100, "drag_factor_calibration"}};
constexpr V kGameIds[] = {{0, "none"},          {1, "fish"}, {2, "darts"}, {3, "target_basic"}, {4, "target_advanced"},
                          {5, "cross_training"}};
constexpr V kEventKinds[] = {{1, "gap"},
                             {2, "unknown_characteristic"},
                             {3, "rejected_notification"},
                             {4, "reopened"},
                             {5, "reconnected"},
                             {6, "rejected_value"},
                             {7, "rejected_line"},
                             {8, "too_many_splits"},
                             {9, "clock_before_2000"}};

}  // namespace

std::span<const EnumerationValue> values(Enumeration enumeration) {
  switch (enumeration) {
    case Enumeration::none:
      return {};
    case Enumeration::workout_type:
      return kWorkoutTypes;
    case Enumeration::interval_type:
      return kIntervalTypes;
    case Enumeration::workout_state:
      return kWorkoutStates;
    case Enumeration::rowing_state:
      return kRowingStates;
    case Enumeration::stroke_state:
      return kStrokeStates;
    case Enumeration::duration_type:
      return kDurationTypes;
    case Enumeration::erg_machine_type:
      return kErgMachineTypes;
    case Enumeration::erg_model:
      return kErgModels;
    case Enumeration::operational_state:
      return kOperationalStates;
    case Enumeration::game_id:
      return kGameIds;
    case Enumeration::event_kind:
      return kEventKinds;
  }
  return {};
}

std::optional<std::string_view> name(Enumeration enumeration, std::int64_t number) {
  const auto all = values(enumeration);
  const auto found = std::ranges::find(all, number, &EnumerationValue::number);
  if (found == all.end()) return std::nullopt;
  return found->name;
}

std::string_view name(Enumeration enumeration) {
  switch (enumeration) {
    case Enumeration::none:
      return "";
    case Enumeration::workout_type:
      return "workout_type";
    case Enumeration::interval_type:
      return "interval_type";
    case Enumeration::workout_state:
      return "workout_state";
    case Enumeration::rowing_state:
      return "rowing_state";
    case Enumeration::stroke_state:
      return "stroke_state";
    case Enumeration::duration_type:
      return "duration_type";
    case Enumeration::erg_machine_type:
      return "erg_machine_type";
    case Enumeration::erg_model:
      return "erg_model";
    case Enumeration::operational_state:
      return "operational_state";
    case Enumeration::game_id:
      return "game_id";
    case Enumeration::event_kind:
      return "event_kind";
  }
  return "";
}

}  // namespace boathouse::rowing
