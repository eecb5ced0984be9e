/* A closed loop of HTTP clients: each posts a picture, reads the answer, and asks again at once.
 *
 * Made to be cheap, because clients on the daemon's machine take its CPUs: requests are made once
 * and sent whole, answers are read into one buffer and compared with the first answer to the same
 * picture. What the clients' CPU time is, is printed. The rate counts only the time in which every
 * client had a request under way: from the --warm-up'th answer to the first client without work. */

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "codecs/codec.h"
#include "config/options.h"
#include "server/front/address.h"
#include "tools/bench/bench_times.h"

enum { PATIENCE_SECONDS = 120, HEADER_BYTES = 4096, MAX_PICTURES = 64, MAX_PICTURE = 64 << 20 };

struct settings {
    int64_t requests, clients, warm_up;
    const char *path;
};

static const struct px_option rows[] = {
    {.name = "requests",
     .type = PX_OPTION_INT,
     .offset = offsetof(struct settings, requests),
     .fallback = "640",
     .min = 1,
     .max = 1e8,
     .help = "Requests in all"},
    {.name = "clients",
     .type = PX_OPTION_INT,
     .offset = offsetof(struct settings, clients),
     .fallback = "32",
     .min = 1,
     .max = 1000,
     .help = "Connections, each with one request under way"},
    {.name = "warm-up",
     .type = PX_OPTION_INT,
     .offset = offsetof(struct settings, warm_up),
     .fallback = "64",
     .min = 0,
     .max = 1e8,
     .help = "Answers before the clock starts"},
    {.name = "path",
     .type = PX_OPTION_STRING,
     .offset = offsetof(struct settings, path),
     .fallback = "/translate",
     .help = "What to post to, with its query"},
};

static const struct px_option_table table = {
    .program = "load",
    .usage = "[OPTIONS] ADDRESS:PORT PICTURE...",
    .description = "Posts pictures in turn from many clients; prints requests a second, the time\n"
                   "that a request took, and the clients' own CPU time. Fails where a request\n"
                   "does, or where two answers to the same picture differ.",
    .rows = rows,
    .count = sizeof rows / sizeof *rows,
    .min_arguments = 2,
    .max_arguments = 1 + MAX_PICTURES,
};

struct picture {
    char *request; /* header and body */
    size_t size;
    uint8_t *answer; /* the first one's body; NULL until it came */
    size_t answer_size;
};

struct load {
    const struct settings *settings;
    struct px_address address;
    struct picture pictures[MAX_PICTURES];
    size_t picture_count;
    atomic_llong next; /* ticket */
    int64_t *finished; /* by ticket: when, in ns */
    double *waited;    /* by ticket: ms */
    atomic_int failed, different;
    pthread_mutex_t lock; /* of the pictures' answers, and of `first` */
    struct px_error first;
};

struct client {
    struct load *load;
    pthread_t thread;
    int fd;
    char header[HEADER_BYTES];
    uint8_t *body;
    size_t size, room;
};

static int make_request(struct picture *picture, const struct load *load, const char *path,
                        struct px_error *err)
{
    char header[1024];
    uint8_t *data;
    size_t size;
    int rc = px_file_read(path, MAX_PICTURE, &data, &size, err);

    if (rc < 0)
        return rc;
    int n = snprintf(header, sizeof header,
                     "POST %s HTTP/1.1\r\nHost: %s:%s\r\nContent-Type: %s\r\n"
                     "Content-Length: %zu\r\n\r\n",
                     load->settings->path, load->address.host, load->address.port,
                     px_format_mime(px_sniff((struct px_span){data, size})), size);
    if (n < (int)sizeof header)
        picture->request = malloc((size_t)n + size);
    if (picture->request == NULL) {
        free(data);
        return px_fail(err, PX_E_INVALID, "no room for the request with %s", path);
    }
    memcpy(picture->request, header, (size_t)n);
    memcpy(picture->request + n, data, size);
    picture->size = (size_t)n + size;
    free(data);
    return 0;
}

static int send_all(int fd, const char *data, size_t size, struct px_error *err)
{
    while (size > 0) {
        ssize_t n = send(fd, data, size, MSG_NOSIGNAL);
        if (n <= 0)
            return px_fail(err, PX_E_IO, "the daemon takes no more of a request");
        data += n;
        size -= (size_t)n;
    }
    return 0;
}

/* Reads up to the empty line; returns how many bytes of the body came along, behind *body. */
static int receive_header(struct client *client, char **body, struct px_error *err)
{
    size_t got = 0;

    while (got < HEADER_BYTES - 1) {
        ssize_t n = recv(client->fd, client->header + got, HEADER_BYTES - 1 - got, 0);
        if (n <= 0)
            return px_fail(err, PX_E_IO, "the daemon closed the connection, or took too long");
        got += (size_t)n;
        client->header[got] = '\0';
        *body = strstr(client->header, "\r\n\r\n");
        if (*body != NULL) {
            **body = '\0';
            *body += 4;
            return (int)(got - (size_t)(*body - client->header));
        }
    }
    return px_fail(err, PX_E_IO, "the header of an answer is too long");
}

static int receive(struct client *client, struct px_error *err)
{
    char *start, *length;
    int n = receive_header(client, &start, err);

    if (n < 0)
        return n;
    length = strcasestr(client->header, "\r\nContent-Length:");
    if (length == NULL)
        return px_fail(err, PX_E_IO, "an answer without Content-Length");
    client->size = strtoull(length + 17, NULL, 10);
    if (client->size > client->room) {
        free(client->body);
        client->room = client->size;
        client->body = malloc(client->room);
    }
    if (client->body == NULL || (size_t)n > client->size)
        return px_fail(err, PX_E_IO, "no memory for an answer");
    memcpy(client->body, start, (size_t)n);
    size_t rest = client->size - (size_t)n;
    if (rest > 0 && recv(client->fd, client->body + n, rest, MSG_WAITALL) != (ssize_t)rest)
        return px_fail(err, PX_E_IO, "an answer was cut short");
    if (strncmp(client->header, "HTTP/1.1 200 ", 13) != 0)
        return px_fail(err, PX_E_IO, "%.40s: %.*s", client->header,
                       client->size < 300 ? (int)client->size : 300, (char *)client->body);
    return 0;
}

/* The first answer to a picture becomes the one that all later ones must equal. */
static void compare(struct client *client, struct picture *picture)
{
    struct load *load = client->load;

    pthread_mutex_lock(&load->lock);
    bool first = picture->answer == NULL;
    if (first) {
        picture->answer = client->body;
        picture->answer_size = client->size;
        client->body = NULL;
        client->room = 0;
    }
    pthread_mutex_unlock(&load->lock);
    if (!first && (client->size != picture->answer_size ||
                   memcmp(client->body, picture->answer, client->size) != 0))
        atomic_fetch_add(&load->different, 1);
}

static int ask(struct client *client, struct picture *picture, struct px_error *err)
{
    int rc = 0;

    if (client->fd < 0)
        client->fd = px_connect(&client->load->address, PATIENCE_SECONDS, err);
    if (client->fd < 0)
        return client->fd;
    rc = send_all(client->fd, picture->request, picture->size, err);
    if (rc == 0)
        rc = receive(client, err);
    if (rc == 0) {
        compare(client, picture);
    } else {
        close(client->fd);
        client->fd = -1;
    }
    return rc;
}

static void *client_main(void *argument)
{
    struct client *client = argument;
    struct load *load = client->load;
    long long ticket;

    while ((ticket = atomic_fetch_add(&load->next, 1)) < load->settings->requests) {
        struct px_error err = {0};
        int64_t start = px_now_ns();
        if (ask(client, &load->pictures[(size_t)ticket % load->picture_count], &err) < 0 &&
            atomic_fetch_add(&load->failed, 1) == 0) {
            pthread_mutex_lock(&load->lock);
            load->first = err;
            pthread_mutex_unlock(&load->lock);
        }
        load->waited[ticket] = px_ms_since(start);
        load->finished[ticket] = px_now_ns();
    }
    if (client->fd >= 0)
        close(client->fd);
    free(client->body);
    return NULL;
}

static int run_clients(struct load *load, struct px_error *err)
{
    size_t count = (size_t)load->settings->clients, started = 0;
    struct client *clients = calloc(count, sizeof *clients);
    int failed = clients == NULL;

    while (!failed && started < count) {
        clients[started].load = load;
        clients[started].fd = -1;
        failed = pthread_create(&clients[started].thread, NULL, client_main, &clients[started]);
        started += !failed;
    }
    for (size_t i = 0; i < started; i++)
        pthread_join(clients[i].thread, NULL);
    free(clients);
    return failed ? px_fail(err, PX_E_NOMEM, "cannot start so many clients") : 0;
}

static int by_time(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

static int report(struct load *load, struct px_error *err)
{
    size_t n = (size_t)load->settings->requests, first = (size_t)load->settings->warm_up;
    size_t last = n - (size_t)load->settings->clients;
    struct rusage usage;

    qsort(load->finished, n, sizeof *load->finished, by_time);
    getrusage(RUSAGE_SELF, &usage);
    double cpu = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e3 +
                 (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e-3;
    printf("%.2f requests/s, median %.1f ms, 95%% within %.1f ms, 99%% within %.1f ms, "
           "clients' CPU %.3f ms a request, %d failed, %d different\n",
           (double)(last - first) * 1e9 / (double)(load->finished[last] - load->finished[first]),
           px_bench_median(load->waited, n), px_bench_quantile(load->waited, n, 0.95),
           px_bench_quantile(load->waited, n, 0.99), cpu / (double)n, load->failed,
           load->different);
    if (load->failed > 0)
        return px_fail(err, PX_E_IO, "the first failure: %.400s", load->first.message);
    return load->different == 0 ? 0 : px_fail(err, PX_E_IO, "answers to one picture differ");
}

static int run(const struct settings *settings, const struct px_options *options,
               struct px_error *err)
{
    struct load load = {.settings = settings, .lock = PTHREAD_MUTEX_INITIALIZER};
    const char *address = options->arguments[0];
    int rc = 0;

    if (settings->requests <= settings->clients + settings->warm_up)
        return px_fail(err, PX_E_USAGE, "--requests must be more than clients and warm-up");
    if (strncasecmp(address, "http://", 7) == 0)
        address += 7;
    load.finished = calloc((size_t)settings->requests, sizeof *load.finished);
    load.waited = calloc((size_t)settings->requests, sizeof *load.waited);
    if (load.finished == NULL || load.waited == NULL)
        rc = px_fail(err, PX_E_NOMEM, "no memory for the times of so many requests");
    if (rc == 0)
        rc = px_address_parse(address, &load.address, err);
    for (size_t i = 1; i < options->argument_count && rc == 0; i++)
        rc = make_request(&load.pictures[load.picture_count++], &load, options->arguments[i], err);
    if (rc == 0)
        rc = run_clients(&load, err);
    if (rc == 0)
        rc = report(&load, err);
    for (size_t i = 0; i < load.picture_count; i++) {
        free(load.pictures[i].request);
        free(load.pictures[i].answer);
    }
    free(load.finished);
    free(load.waited);
    return rc;
}

int main(int argc, char **argv)
{
    struct settings settings;
    struct px_options options;
    struct px_error err = {0};
    int rc = px_options_parse(&table, &settings, NULL, argc, argv, &options, &err);

    if (rc == 0) {
        if (!px_options_inform(&table, &options, stdout))
            rc = run(&settings, &options, &err);
        px_options_clear(&options);
    }
    if (rc < 0)
        fprintf(stderr, "load: %s\n", err.message);
    return px_error_exit(rc);
}
