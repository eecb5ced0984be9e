#include "trainer/found.h"

#include "base/buffer.h"
#include "base/utf8.h"

enum { MAX_NAMED = 10 };

/* Prints the text on a line of its own, indented, and empties it. */
static void print_line(FILE *out, struct px_buffer *line)
{
    if (line->data)
        px_utf8_make_printable((char *)line->data);
    fprintf(out, "  %s\n", px_buffer_text(line));
    line->size = 0;
}

static void add_range(struct px_buffer *line, const struct px_pair_size *from,
                      const struct px_pair_size *to)
{
    px_buffer_appendf(line, "%ux%u", from->width, from->height);
    if (from->width != to->width || from->height != to->height)
        px_buffer_appendf(line, " to %ux%u", to->width, to->height);
}

static void print_names(FILE *out, struct px_buffer *line, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count && i < MAX_NAMED; i++)
        px_buffer_appendf(line, "%s%s", i ? ", " : "", names[i]);
    px_buffer_append_text(line, count > MAX_NAMED ? ", ...)" : ")");
    print_line(out, line);
}

static void print_left_out(FILE *out, struct px_buffer *line, const struct px_pairs_found *f)
{
    if (f->broken) {
        px_buffer_appendf(line, "left out: %zu broken file%s", f->broken, f->broken > 1 ? "s" : "");
        print_line(out, line);
    }
    if (f->other_count) {
        px_buffer_appendf(line, "left out: %zu picture%s neither PNG nor JPEG (", f->other_count,
                          f->other_count > 1 ? "s that are" : " that is");
        print_names(out, line, f->others, f->other_count);
    }
    if (f->link_count) {
        px_buffer_appendf(line, "left out: %zu linked folder%s (", f->link_count,
                          f->link_count > 1 ? "s" : "");
        print_names(out, line, f->links, f->link_count);
    }
}

void px_found_print(FILE *out, const struct px_pairs *pairs, bool whole)
{
    struct px_pairs_found f;
    struct px_buffer line = {0};

    px_pairs_describe(pairs, &f);
    if (f.b)
        px_buffer_appendf(&line, "in %s and %s: pictures of ", f.a, f.b);
    else
        px_buffer_appendf(&line, "in %s, A and B side by side: halves of ", f.a);
    add_range(&line, &f.smallest, &f.largest);
    print_line(out, &line);
    if (whole) {
        px_buffer_append_text(&line, "used whole, scaled to ");
        add_range(&line, &f.least, &f.most);
        print_line(out, &line);
    }
    print_left_out(out, &line, &f);
    px_buffer_clear(&line);
}
