/* A V4L2 camera without a kernel driver, preloaded into the program that uses it.
 *
 * FAKE_CAMERA_PATH  the file that is the camera
 * FAKE_CAMERA_MODE  good, silent (never a picture), gone (unplugged after a second),
 *                   realtime (stamps of another clock), busy (cannot be opened)
 *
 * It offers 640x480 YUYV at 30 frames a second and nothing else. Each picture holds the time at
 * which it was captured, in ns of CLOCK_MONOTONIC, as 64 blocks of 8 x 8 pixels, white for 1; each
 * is handed over 5 ms later, as a real camera's, with the capture time as its stamp.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/videodev2.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum { WIDTH = 640, HEIGHT = 480, FPS = 30, BUFFERS = 8, SIZE = WIDTH * HEIGHT * 2 };
static const int64_t NS = 1000000000, DELAY_NS = 5000000;

static int camera = -1, streaming, buffer_count, queued[BUFFERS], queue_length;
static int64_t start_ns, next_frame;
static uint8_t *memory[BUFFERS];

static const char *mode(void) {
    const char *value = getenv("FAKE_CAMERA_MODE");
    return value ? value : "good";
}

static int64_t now_ns(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return now.tv_sec * NS + now.tv_nsec;
}

static int is_camera(const char *path) {
    const char *ours = getenv("FAKE_CAMERA_PATH");
    return ours && path && strcmp(path, ours) == 0;
}

static int open_camera(void) {
    if (strcmp(mode(), "busy") == 0) {
        errno = EBUSY;
        return -1;
    }
    camera = memfd_create("camera", MFD_CLOEXEC);
    return camera;
}

#define INTERCEPT_OPEN(name)                                                                       \
    int name(const char *path, int flags, ...) {                                                   \
        va_list rest;                                                                              \
        va_start(rest, flags);                                                                     \
        mode_t bits = (flags & (O_CREAT | O_TMPFILE)) ? va_arg(rest, mode_t) : 0;                  \
        va_end(rest);                                                                              \
        if (is_camera(path)) return open_camera();                                                 \
        int (*next)(const char *, int, ...) = dlsym(RTLD_NEXT, #name);                             \
        return next(path, flags, bits);                                                            \
    }
INTERCEPT_OPEN(open)
INTERCEPT_OPEN(open64)

int close(int fd) {
    int (*next)(int) = dlsym(RTLD_NEXT, "close");
    if (fd == camera && fd >= 0) {
        camera = -1;
        streaming = queue_length = 0;
    }
    return next(fd);
}

static void *map_buffer(off_t offset) {
    int index = (int)(offset / SIZE);
    memory[index] = calloc(1, SIZE + 4096);
    return memory[index];
}

#define INTERCEPT_MMAP(name)                                                                       \
    void *name(void *address, size_t length, int protection, int flags, int fd, off_t offset) {    \
        if (fd >= 0 && fd == camera) return map_buffer(offset);                                    \
        void *(*next)(void *, size_t, int, int, int, off_t) = dlsym(RTLD_NEXT, #name);             \
        return next(address, length, protection, flags, fd, offset);                               \
    }
INTERCEPT_MMAP(mmap)
INTERCEPT_MMAP(mmap64)

int munmap(void *address, size_t length) {
    for (int i = 0; i < BUFFERS; i++)
        if (address && address == memory[i]) {
            free(memory[i]);
            memory[i] = NULL;
            return 0;
        }
    int (*next)(void *, size_t) = dlsym(RTLD_NEXT, "munmap");
    return next(address, length);
}

static void draw(uint8_t *picture, int64_t value) {
    memset(picture, 128, SIZE);
    for (int bit = 0; bit < 64; bit++)
        for (int row = 0; row < 8; row++)
            for (int column = 0; column < 8; column++)
                picture[2 * (row * WIDTH + bit * 8 + column)] = value >> (63 - bit) & 1 ? 235 : 16;
}

static int dequeue(struct v4l2_buffer *buffer) {
    int64_t captured_ns = start_ns + next_frame * NS / FPS;
    if (strcmp(mode(), "gone") == 0 && now_ns(CLOCK_MONOTONIC) > start_ns + NS) return ENODEV;
    if (!streaming || !queue_length || strcmp(mode(), "silent") == 0) return EAGAIN;
    if (now_ns(CLOCK_MONOTONIC) < captured_ns + DELAY_NS) return EAGAIN;
    int index = queued[0];
    memmove(queued, queued + 1, --queue_length * sizeof *queued);
    draw(memory[index], captured_ns);
    int64_t stamp_ns = captured_ns;
    uint32_t flags = V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC;
    if (strcmp(mode(), "realtime") == 0) {
        stamp_ns += now_ns(CLOCK_REALTIME) - now_ns(CLOCK_MONOTONIC);
        flags = V4L2_BUF_FLAG_TIMESTAMP_UNKNOWN;
    }
    buffer->index = index;
    buffer->bytesused = buffer->length = SIZE;
    buffer->flags = flags | V4L2_BUF_FLAG_MAPPED | V4L2_BUF_FLAG_DONE;
    buffer->field = V4L2_FIELD_NONE;
    buffer->sequence = next_frame;
    buffer->timestamp.tv_sec = stamp_ns / NS;
    buffer->timestamp.tv_usec = stamp_ns % NS / 1000;
    /* What was not fetched in time is lost, as in a real camera with full buffers. */
    int64_t newest = (now_ns(CLOCK_MONOTONIC) - start_ns) * FPS / NS - BUFFERS;
    next_frame = next_frame + 1 > newest ? next_frame + 1 : newest;
    return 0;
}

static void tell_format(struct v4l2_pix_format *pix) {
    pix->width = WIDTH;
    pix->height = HEIGHT;
    pix->pixelformat = V4L2_PIX_FMT_YUYV;
    pix->field = V4L2_FIELD_NONE;
    pix->bytesperline = WIDTH * 2;
    pix->sizeimage = SIZE;
}

static int answer(unsigned long request, void *argument) {
    switch ((uint32_t)request) {
    case (uint32_t)VIDIOC_QUERYCAP: {
        struct v4l2_capability *capability = argument;
        strcpy((char *)capability->card, "Stage camera");
        capability->device_caps = V4L2_CAP_VIDEO_CAPTURE | V4L2_CAP_STREAMING;
        capability->capabilities = capability->device_caps | V4L2_CAP_DEVICE_CAPS;
        return 0;
    }
    case (uint32_t)VIDIOC_ENUM_FMT: {
        struct v4l2_fmtdesc *description = argument;
        if (description->index > 0) return EINVAL;
        description->pixelformat = V4L2_PIX_FMT_YUYV;
        return 0;
    }
    case (uint32_t)VIDIOC_G_FMT:
    case (uint32_t)VIDIOC_S_FMT:
    case (uint32_t)VIDIOC_TRY_FMT:
        tell_format(&((struct v4l2_format *)argument)->fmt.pix);
        return 0;
    case (uint32_t)VIDIOC_G_PARM:
    case (uint32_t)VIDIOC_S_PARM: {
        struct v4l2_captureparm *capture = &((struct v4l2_streamparm *)argument)->parm.capture;
        capture->capability = V4L2_CAP_TIMEPERFRAME;
        capture->timeperframe = (struct v4l2_fract){1, FPS};
        return 0;
    }
    case (uint32_t)VIDIOC_ENUMINPUT:
        return ((struct v4l2_input *)argument)->index > 0 ? EINVAL : 0;
    case (uint32_t)VIDIOC_G_INPUT:
        *(int *)argument = 0;
        return 0;
    case (uint32_t)VIDIOC_S_INPUT:
        return 0;
    case (uint32_t)VIDIOC_REQBUFS: {
        struct v4l2_requestbuffers *wish = argument;
        if (wish->count > BUFFERS) wish->count = BUFFERS;
        buffer_count = wish->count;
        return 0;
    }
    case (uint32_t)VIDIOC_QUERYBUF: {
        struct v4l2_buffer *buffer = argument;
        buffer->length = SIZE;
        buffer->m.offset = buffer->index * SIZE;
        return 0;
    }
    case (uint32_t)VIDIOC_QBUF:
        queued[queue_length++] = ((struct v4l2_buffer *)argument)->index;
        return 0;
    case (uint32_t)VIDIOC_DQBUF:
        return dequeue(argument);
    case (uint32_t)VIDIOC_STREAMON:
        streaming = 1;
        next_frame = 0;
        start_ns = now_ns(CLOCK_MONOTONIC);
        return 0;
    case (uint32_t)VIDIOC_STREAMOFF:
        streaming = 0;
        return 0;
    default:
        return ENOTTY;
    }
}

int ioctl(int fd, unsigned long request, ...) {
    va_list rest;
    va_start(rest, request);
    void *argument = va_arg(rest, void *);
    va_end(rest);
    if (fd >= 0 && fd == camera) {
        int error = answer(request, argument);
        errno = error;
        return error ? -1 : 0;
    }
    int (*next)(int, unsigned long, ...) = dlsym(RTLD_NEXT, "ioctl");
    return next(fd, request, argument);
}
