#include "server/metrics/prometheus.h"

void px_prometheus_head(struct px_buffer *text, const char *name, const char *type,
                        const char *help)
{
    px_buffer_appendf(text, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void write_label(struct px_buffer *text, const struct px_label *label)
{
    px_buffer_appendf(text, "%s=\"", label->name);
    for (const char *c = label->value; *c != '\0'; c++)
        if (*c == '\n')
            px_buffer_appendf(text, "\\n");
        else
            px_buffer_appendf(text, "%s%c", *c == '"' || *c == '\\' ? "\\" : "", *c);
    px_buffer_appendf(text, "\"");
}

void px_prometheus_sample(struct px_buffer *text, const char *name, const struct px_label *labels,
                          size_t label_count, double value)
{
    px_buffer_appendf(text, "%s", name);
    for (size_t i = 0; i < label_count; i++) {
        px_buffer_appendf(text, i == 0 ? "{" : ",");
        write_label(text, &labels[i]);
    }
    px_buffer_appendf(text, "%s %.16g\n", label_count > 0 ? "}" : "", value);
}

void px_prometheus_gauge(struct px_buffer *text, const char *name, const char *help, double value)
{
    px_prometheus_head(text, name, "gauge", help);
    px_prometheus_sample(text, name, NULL, 0, value);
}

void px_prometheus_counter(struct px_buffer *text, const char *name, const char *help, double value)
{
    px_prometheus_head(text, name, "counter", help);
    px_prometheus_sample(text, name, NULL, 0, value);
}
