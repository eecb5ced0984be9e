#ifndef BASE_SANITIZED_H
#define BASE_SANITIZED_H

/* PX_SANITIZED is 1 in builds with AddressSanitizer or ThreadSanitizer, by gcc or clang, else 0.
 * They see every mistake only in blocks that come from malloc() itself. */

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define PX_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define PX_SANITIZED 1
#endif
#endif
#ifndef PX_SANITIZED
#define PX_SANITIZED 0
#endif

#endif
