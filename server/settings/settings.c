#include "server/settings/settings.h"

#include "model/network/dtype.h"

#define AT(field) offsetof(struct px_server_settings, field)

static const struct px_option rows[] = {
    {.name = "listen",
     .type = PX_OPTION_LIST,
     .offset = AT(listen),
     .fallback = "127.0.0.1:8080",
     .value = "ADDRESS:PORT",
     .heading = "Serving",
     .help = "Listen on this address; repeat it for several. Port 0 takes a free port; IPv6 "
             "addresses need brackets; localhost means both loopback addresses. unix:PATH is a "
             "unix socket for the owner and group, unix:PATH,mode=0666 for all. The daemon "
             "prints its addresses once it listens. Sockets that systemd passes replace them"},
    {.name = "admin-listen",
     .type = PX_OPTION_LIST,
     .offset = AT(admin_listen),
     .value = "ADDRESS:PORT",
     .help = "Answer /metrics on this address only, and health checks here, too, with a thread and "
             "connections of their own, so that they answer however busy the daemon is. --health "
             "asks here. Repeat it for several, unix:PATH as above. Let only monitors reach it"},
    {.name = "allow-origin",
     .type = PX_OPTION_LIST,
     .offset = AT(allow_origin),
     .value = "ORIGIN",
     .help = "Let web pages of another origin (https://pictures.example) use the daemon; repeat "
             "it for several. * lets every web site use this machine's time. By default only the "
             "daemon's own page may"},
    {.name = "allow-host",
     .type = PX_OPTION_LIST,
     .offset = AT(allow_host),
     .value = "NAME",
     .help = "Accept requests for this host name, such as a proxy sends, while listening on "
             "loopback addresses only; IP addresses and localhost are always accepted. * accepts "
             "any name, including those that web sites point here (DNS rebinding)"},
    {.name = "api-keys",
     .type = PX_OPTION_STRING,
     .offset = AT(api_keys),
     .value = "FILE",
     .help = "Ask for 'Authorization: Bearer KEY', with a key of this file: one a line, as KEY or "
             "NAME:KEY, whose name is logged; # begins a comment. Read again on SIGHUP. Health "
             "checks, the page's files and --admin-listen need no key. Use TLS, at a proxy"},
    {.name = "rate-limit",
     .type = PX_OPTION_STRING,
     .offset = AT(rate_limit),
     .value = "N/s",
     .help = "Refuse with 429 what one key, or without keys one client address, sends above this "
             "rate of pictures: N/s, N/min or N/h, up to N at once. Of IPv6 addresses the first "
             "64 bits count"},
    {.name = "trusted-proxy",
     .type = PX_OPTION_LIST,
     .offset = AT(trusted_proxy),
     .value = "ADDRESS",
     .help = "Believe what this proxy (an IP address, a network like 10.0.0.0/8, or unix for those "
             "that connect to a unix socket) writes in X-Forwarded-For, and take that address as "
             "the client's; repeat it for several. By default the header is ignored"},
    {.name = "models",
     .type = PX_OPTION_STRING,
     .offset = AT(models),
     .fallback = "models",
     .value = "DIR",
     .help = "Folder of models: every *.safetensors in it is served under its name without the "
             "suffix. If one cannot be loaded, the daemon does not start"},
    {.name = "default-model",
     .type = PX_OPTION_STRING,
     .offset = AT(default_model),
     .value = "NAME",
     .help = "Model for requests that name none; by default the first by name, of those whose "
             "card says \"preferred\": true if there are any"},
    {.name = "skip-bad-models",
     .type = PX_OPTION_FLAG,
     .offset = AT(skip_bad_models),
     .help = "Start without the models that cannot be loaded, if there are others"},
    {.name = "watch",
     .type = PX_OPTION_CHOICE,
     .offset = AT(watch),
     .fallback = "on",
     .choices = "on|off",
     .help = "Load models anew when files in the folder are written, moved or removed; SIGHUP "
             "does so in any case. A file that cannot be loaded leaves the old model in place"},
    {.name = "sandbox",
     .type = PX_OPTION_CHOICE,
     .offset = AT(sandbox),
     .fallback = "on",
     .choices = "on|off",
     .help =
         "Before models are read, give up what serving does not need, as far as the kernel can: "
         "reading files other than the models, writing any, running programs, opening sockets, "
         "dumping core. off is for debuggers and profilers"},
    {.name = "user",
     .type = PX_OPTION_STRING,
     .offset = AT(user),
     .value = "NAME",
     .help = "Started by root, become this user (a name or number) once the sockets are open; by "
             "default nobody. root stays root"},
    {.name = "idle-timeout",
     .type = PX_OPTION_INT,
     .offset = AT(idle_timeout),
     .fallback = "75",
     .min = 1,
     .max = 86400,
     .value = "SECONDS",
     .help = "Close connections that are idle for this long; keep it above the load balancer's "
             "own timeout"},
    {.name = "request-timeout",
     .type = PX_OPTION_INT,
     .offset = AT(request_timeout),
     .fallback = "60",
     .min = 1,
     .max = 86400,
     .value = "SECONDS",
     .help = "Disconnect clients that take longer than this to send a request, or as long again "
             "to take its answer"},
    {.name = "min-rate",
     .type = PX_OPTION_BYTES,
     .offset = AT(min_rate),
     .fallback = "1KiB",
     .min = 0,
     .max = 1073741824.0,
     .help = "Disconnect clients that send a body, or take an answer, at fewer bytes a second "
             "than this over 5 seconds; 0 turns this off"},
    {.name = "request-deadline",
     .type = PX_OPTION_INT,
     .offset = AT(request_deadline),
     .fallback = "30",
     .min = 0,
     .max = 86400,
     .value = "SECONDS",
     .help = "Time for a translation, from the end of its request's body: waiting, decoding and "
             "computing. A request that cannot make it is refused with 503, one that does not "
             "gets 504. A client may ask for less in X-Request-Timeout-Ms. 0: no limit"},
    {.name = "drain-delay",
     .type = PX_OPTION_INT,
     .offset = AT(drain_delay),
     .fallback = "-1",
     .min = -1,
     .max = 86400,
     .value = "SECONDS",
     .help = "After SIGTERM, go on serving for this long while /readyz answers 503, so that load "
             "balancers notice: longer than their checks take. A second signal ends the delay. "
             "-1: 5, or 0 if standard input is a terminal"},
    {.name = "stop-timeout",
     .type = PX_OPTION_INT,
     .offset = AT(stop_timeout),
     .fallback = "20",
     .min = 0,
     .max = 86400,
     .value = "SECONDS",
     .help = "After that, wait this long for requests under way; another signal ends the wait"},
    {.name = "log-level",
     .type = PX_OPTION_CHOICE,
     .offset = AT(log_level),
     .fallback = "info",
     .choices = "error|warning|info|debug",
     .help = "Least level to log on standard error; info has a line for every request"},
    {.name = "log-format",
     .type = PX_OPTION_CHOICE,
     .offset = AT(log_format),
     .fallback = "text",
     .choices = "text|json",
     .help = "Format of the log: text for people, or one JSON object a line"},

    {.name = "max-body",
     .type = PX_OPTION_BYTES,
     .offset = AT(max_body),
     .fallback = "20MiB",
     .min = 1024,
     .max = 4294967296.0,
     .heading = "Limits",
     .help = "Refuse larger request bodies with 413"},
    {.name = "max-pixels",
     .type = PX_OPTION_INT,
     .offset = AT(max_pixels),
     .fallback = "16000000",
     .min = 1,
     .max = 2147483647.0,
     .help = "Refuse pictures with more pixels with 422, before they are decoded"},
    {.name = "max-side",
     .type = PX_OPTION_INT,
     .offset = AT(max_side),
     .fallback = "16384",
     .min = 1,
     .max = 65535,
     .help = "Refuse pictures that are wider or higher with 422"},
    {.name = "queue",
     .type = PX_OPTION_INT,
     .offset = AT(queue),
     .fallback = "256",
     .min = 1,
     .max = 100000,
     .help = "Requests that may wait for a worker; more are refused with 503. A single client "
             "may take three quarters of the places, several share them"},
    {.name = "queue-seconds",
     .type = PX_OPTION_NUMBER,
     .offset = AT(queue_seconds),
     .fallback = "2",
     .min = 0,
     .max = 86400,
     .help = "Refuse requests with 503, too, while more are waiting than are answered in this "
             "time at the present rate. 0: no such limit"},
    {.name = "max-connections",
     .type = PX_OPTION_INT,
     .offset = AT(max_connections),
     .fallback = "1000",
     .min = 1,
     .max = 100000,
     .help = "Connections open at the same time, or as many as the limit of open files allows; "
             "near it those "
             "that have been idle for longest are ended for new ones"},
    {.name = "memory-limit",
     .type = PX_OPTION_BYTES,
     .offset = AT(memory_limit),
     .fallback = "0",
     .max = 1099511627776.0,
     .help = "Working memory of the network plans of one worker, or of one elastic team with the "
             "workers beside it. Pictures that need more (fit=image) "
             "are refused with 422 and the size that would fit. At least 1MiB; 0 takes 1GiB, or "
             "less if the machine or the control group (docker run --memory) has less"},
    {.name = "request-memory",
     .type = PX_OPTION_BYTES,
     .offset = AT(request_memory),
     .fallback = "0",
     .max = 1099511627776.0,
     .help = "Memory for the bodies of requests under way; more are refused with 503. The "
             "pictures in them and answers on their way to clients may take as much again. At "
             "least 1MiB; 0 takes 512MiB, or less, as above"},

    {.name = "cpus",
     .type = PX_OPTION_INT,
     .offset = AT(cpus),
     .fallback = "0",
     .min = 0,
     .max = 1024,
     .heading = "Speed",
     .help = "CPUs to divide among the threads; 0 takes those of the affinity mask, or as many "
             "as the control group's quota allows (docker run --cpus), rounded down"},
    {.name = "workers",
     .type = PX_OPTION_INT,
     .offset = AT(workers),
     .fallback = "0",
     .min = 0,
     .max = 1024,
     .help = "Batches to compute at the same time. 0 starts one worker, or with eight or more CPUs "
             "one for each four; without --threads-per-worker, workers of two or four threads are "
             "elastic teams: a lone request gets a team, and under load each CPU computes a batch "
             "of its own, which answers more requests a second"},
    {.name = "threads-per-worker",
     .type = PX_OPTION_INT,
     .offset = AT(threads_per_worker),
     .fallback = "0",
     .min = 0,
     .max = 1024,
     .help = "Threads that compute one batch; 0 divides the CPUs among the workers. With 1 each "
             "CPU always computes batches of its own"},
    {.name = "max-batch",
     .type = PX_OPTION_INT,
     .offset = AT(max_batch),
     .fallback = "4",
     .min = 1,
     .max = 64,
     .help = "Requests of the same model, size and norm to compute together if they are waiting "
             "anyway; 1 turns batching off"},
    {.name = "batch-delay-us",
     .type = PX_OPTION_INT,
     .offset = AT(batch_delay_us),
     .fallback = "0",
     .min = 0,
     .max = 1000000,
     .value = "MICROSECONDS",
     .help = "Time that a decoded request may wait for others that are being decoded, to join "
             "its batch; a lone request never waits. 0: not at all, as requests meet while they "
             "wait for a busy worker"},
    {.name = "dtype",
     .type = PX_OPTION_CHOICE,
     .offset = AT(dtype),
     .fallback = "auto",
     .choices = PX_DTYPE_CHOICES,
     .help = "Type to compute in. int8 needs models that `pix2pix convert` made; auto takes the "
             "fastest that model and CPU allow (bf16 on Intel with AMX and AMD from Zen 4 on) "
             "and logs it"},
    {.name = "codec-threads",
     .type = PX_OPTION_INT,
     .offset = AT(codec_threads),
     .fallback = "0",
     .min = 0,
     .max = 256,
     .help = "Threads that decode and encode pictures; 0 starts one for each CPU, up to 8, and "
             "one more, because large pictures always leave one thread to the others"},
    {.name = "pin",
     .type = PX_OPTION_FLAG,
     .offset = AT(pin),
     .help = "Pin the threads of several workers to CPUs, each to its own, from the first of the "
             "affinity mask on. Otherwise they are pinned only if that mask is narrower than the "
             "machine. Two daemons with --pin on one machine need separate masks"},
    {.name = "http-threads",
     .type = PX_OPTION_INT,
     .offset = AT(http_threads),
     .fallback = "2",
     .min = 1,
     .max = 64,
     .help = "Threads that read from and write to connections"},

    {.name = "config",
     .type = PX_OPTION_STRING,
     .offset = AT(config),
     .value = "FILE",
     .action = true,
     .heading = "Commands",
     .help = "Read options from this JSON file, spelt as here without the leading hyphens; "
             "variables and the command line take precedence"},
    {.name = "check-config",
     .type = PX_OPTION_FLAG,
     .offset = AT(check_config),
     .action = true,
     .help = "Check the options, load the models, and exit without listening"},
    {.name = "print-config",
     .type = PX_OPTION_FLAG,
     .offset = AT(print_config),
     .action = true,
     .help = "Print the effective options as a file for --config"},
    {.name = "health",
     .type = PX_OPTION_FLAG,
     .offset = AT(health),
     .action = true,
     .help = "Ask a running daemon (at URL, or at the address of --listen) whether it is ready; "
             "exit with status 0 or 1"},
};

/* What other servers call it. */
static const struct px_option_foreign foreign[] = {
    {"port|host|bind|address", "use --listen ADDRESS:PORT"},
    {"threads|cores", "use --cpus N, or --workers N and --threads-per-worker N"},
    {"gpu|gpu-ids|device", "leave it out: it runs on the CPU"},
    {"tls|ssl|cert|key", "leave it out: put a proxy with TLS before the daemon"},
    {"daemon|pidfile", "leave it out: systemd or a container keeps the daemon running"},
    {"cors", "use --allow-origin ORIGIN"},
    {NULL, NULL},
};

const struct px_option_table px_server_settings_table = {
    .program = "pix2pixd",
    .summary = "serve pix2pix models over HTTP",
    .usage = "[OPTIONS] | --health [URL]",
    .description =
        "Serves pix2pix models over HTTP: POST /translate takes a picture and answers with its\n"
        "translation.",
    .environment = "PIX2PIXD_",
    .rows = rows,
    .count = sizeof rows / sizeof rows[0],
    .foreign = foreign,
    .max_arguments = 1,
};
