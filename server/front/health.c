#include "server/front/health.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/front/address.h"

enum { PATIENCE_SECONDS = 3 };

/* Names, several addresses and answers that come drop by drop have one limit together. */
static void give_up(int number)
{
    static const char message[] = "pix2pixd: no answer from the daemon within 3 s\n";
    ssize_t written = write(STDERR_FILENO, message, sizeof message - 1);

    (void)number;
    (void)written;
    _exit(1);
}

static int parse_url(const char *url, struct px_address *address, char *path, size_t size,
                     struct px_error *err)
{
    char authority[300];
    const char *start = url + 7;

    if (strncmp(url, "unix:", 5) == 0)
        return px_address_parse(url, address, err);
    if (strncasecmp(url, "http://", 7) != 0)
        return px_fail(err, PX_E_USAGE, "'%.100s' does not begin with http:// or unix:", url);
    size_t n = strcspn(start, "/");
    const char *rest = start + n;
    if (n >= sizeof authority - 4 || strlen(rest) >= size || strpbrk(rest, " \r\n") != NULL)
        return px_fail(err, PX_E_USAGE, "'%.100s' is not a valid URL", url);
    snprintf(authority, sizeof authority, "%.*s", (int)n, start);
    const char *colon = strrchr(authority, ':');
    if (!colon || strchr(colon, ']') != NULL)
        strcat(authority, ":80"); /* there is room: see above */
    snprintf(path, size, "%s", *rest == '\0' || strcmp(rest, "/") == 0 ? "/readyz" : rest);
    return px_address_parse(authority, address, err);
}

/* A daemon that listens on every address is asked on the loopback one. */
static void replace_wildcard(struct px_address *address)
{
    if (address->host[0] == '\0' || strcmp(address->host, "0.0.0.0") == 0)
        strcpy(address->host, "127.0.0.1");
    else if (strcmp(address->host, "::") == 0)
        strcpy(address->host, "::1");
}

/* Sends the request and reads as much of the answer as fits. */
static int exchange(int fd, const char *request, char *answer, size_t size, struct px_error *err)
{
    size_t sent = 0, length = strlen(request), got = 0;

    while (sent < length) {
        ssize_t n = send(fd, request + sent, length - sent, MSG_NOSIGNAL);
        if (n <= 0)
            return px_fail(err, PX_E_IO, "cannot send to the daemon: %s", strerror(errno));
        sent += (size_t)n;
    }
    while (got < size - 1) {
        ssize_t n = recv(fd, answer + got, size - 1 - got, 0);
        if (n < 0)
            return px_fail(err, PX_E_IO, "no answer from the daemon: %s", strerror(errno));
        if (n == 0)
            break;
        got += (size_t)n;
    }
    answer[got] = '\0';
    return 0;
}

static int judge(char *answer, struct px_error *err)
{
    if (strncmp(answer, "HTTP/1.1 200 ", 13) == 0)
        return 0;
    char *body = strstr(answer, "\r\n\r\n");
    answer[strcspn(answer, "\r\n")] = '\0';
    return px_fail(err, PX_E_IO, "not ready: %.60s: %.300s", answer, !body ? "" : body + 4);
}

static void write_request(char *request, size_t size, const struct px_address *address,
                          const char *path)
{
    bool brackets = strchr(address->host, ':') != NULL, local = address->path[0] != '\0';

    snprintf(request, size, "GET %s HTTP/1.1\r\nHost: %s%s%s%s%s\r\nConnection: close\r\n\r\n",
             path, brackets ? "[" : "", local ? "localhost" : address->host, brackets ? "]" : "",
             local ? "" : ":", address->port);
}

int px_health(const char *url, const char *listen, struct px_error *err)
{
    struct px_address address;
    char path[512] = "/readyz", request[1024], answer[2048];
    int rc = url ? parse_url(url, &address, path, sizeof path, err)
                 : px_address_parse(listen, &address, err);

    if (rc < 0)
        return rc;
    replace_wildcard(&address);
    write_request(request, sizeof request, &address, path);
    signal(SIGALRM, give_up);
    alarm(PATIENCE_SECONDS);
    int fd = px_connect(&address, 0, err);
    if (fd < 0)
        return fd;
    rc = exchange(fd, request, answer, sizeof answer, err);
    close(fd);
    return rc < 0 ? rc : judge(answer, err);
}
