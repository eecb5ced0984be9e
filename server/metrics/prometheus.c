#include "server/metrics/prometheus.h"

#include <string.h>

void px_prometheus_head(struct px_buffer *text, const char *name, const char *type,
                        const char *help)
{
    px_buffer_appendf(text, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* A scrape has ten thousand characters of labels, so what needs no escape is appended as a whole:
 * on a busy machine a thread that takes milliseconds waits for its next turn. */
static void write_label(struct px_buffer *text, const struct px_label *label)
{
    px_buffer_append_text(text, label->name);
    px_buffer_append_text(text, "=\"");
    for (const char *s = label->value; *s != '\0';) {
        size_t plain = strcspn(s, "\n\"\\");
        px_buffer_append(text, s, plain);
        s += plain;
        if (*s == '\0')
            break;
        px_buffer_append_text(text, *s == '\n' ? "\\n" : *s == '"' ? "\\\"" : "\\\\");
        s++;
    }
    px_buffer_append_text(text, "\"");
}

/* Most are whole numbers, which are sooner written as such. */
static void write_value(struct px_buffer *text, double value)
{
    if (value >= 0 && value < 1e15 && value == (double)(long long)value)
        px_buffer_appendf(text, " %lld\n", (long long)value);
    else
        px_buffer_appendf(text, " %.16g\n", value);
}

void px_prometheus_sample(struct px_buffer *text, const char *name, const struct px_label *labels,
                          size_t label_count, double value)
{
    px_buffer_append_text(text, name);
    for (size_t i = 0; i < label_count; i++) {
        px_buffer_append_text(text, i == 0 ? "{" : ",");
        write_label(text, &labels[i]);
    }
    px_buffer_append_text(text, label_count > 0 ? "}" : "");
    write_value(text, value);
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
