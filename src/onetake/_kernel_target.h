/* What the compiled loops are compiled for; included first of all by each `_kernel.c`.
 *
 * The stable interface of CPython 3.11, so that one file serves every later version; and AVX2 where
 * the compiler can make single functions for it, to be chosen when the module is loaded.
 */
#ifndef ONETAKE_KERNEL_TARGET_H
#define ONETAKE_KERNEL_TARGET_H

#define PY_SSIZE_T_CLEAN
#ifndef Py_LIMITED_API
#define Py_LIMITED_API 0x030B0000
#endif
#include <Python.h>
#include <stdint.h>
#include <string.h>

#if (defined(__x86_64__) || defined(__i386__)) && (defined(__GNUC__) || defined(__clang__))
#define HAS_AVX2 1
#define FOR_AVX2 __attribute__((target("avx2")))
#else
#define HAS_AVX2 0
#endif

#if defined(__GNUC__) || defined(__clang__)
#define INLINE static inline __attribute__((always_inline))
#else
#define INLINE static inline
#endif

#endif
