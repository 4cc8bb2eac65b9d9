// Is this a build with AddressSanitizer or ThreadSanitizer? Long loops over many like inputs take fewer of them there:
// the dev build has tried them all, and what a sanitizer finds it finds in the first ones.
#pragma once

namespace boathouse::test_support {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool kSanitized = true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
inline constexpr bool kSanitized = true;
#else
inline constexpr bool kSanitized = false;
#endif
#else
inline constexpr bool kSanitized = false;
#endif

}  // namespace boathouse::test_support
