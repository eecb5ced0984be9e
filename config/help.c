/* The help text: two columns, the second wrapped. */

#include <string.h>

#include "config/parts/internal.h"

enum { COLUMN = 30, HELP_WIDTH = 96 };

const char *px_option_placeholder(const struct px_option *row)
{
    if (row->value)
        return row->value;
    switch (row->type) {
    case PX_OPTION_FLAG:
        return "";
    case PX_OPTION_INT:
    case PX_OPTION_SEED:
        return "N";
    case PX_OPTION_BYTES:
        return "SIZE";
    case PX_OPTION_NUMBER:
        return "X";
    case PX_OPTION_STRING:
    case PX_OPTION_LIST:
        return "TEXT";
    case PX_OPTION_CHOICE:
        return row->choices;
    }
    return "";
}

/* How much of a word of n bytes is printed before a break: all if it fits into a line of its own,
 * else what fits up to a '|', between choices. */
static size_t first_piece(const char *word, size_t n, size_t room)
{
    size_t piece = n < room ? n : room;

    while (n > room && piece > 0 && word[piece - 1] != '|')
        piece--;
    return piece ? piece : n;
}

/* Writes words from column `indent` on, with a break before each that would pass HELP_WIDTH. */
static void wrap(const char *text, size_t indent, FILE *out)
{
    size_t at = indent;

    for (text += strspn(text, " "); *text; text += strspn(text, " ")) {
        size_t word = strcspn(text, " ");
        size_t n = first_piece(text, word, HELP_WIDTH - indent);
        if (at > indent && at + 1 + n > HELP_WIDTH) {
            fprintf(out, "\n%*s", (int)indent, "");
            at = indent;
        } else if (at > indent) {
            fputc(' ', out);
            at++;
        }
        fwrite(text, 1, n, out);
        at = n < word ? HELP_WIDTH : at + n; /* the rest of a word begins a line */
        text += n;
    }
    fputc('\n', out);
}

static void print_option(const char *left, const char *right, FILE *out)
{
    size_t n = strlen(left);

    fputs(left, out);
    if (!*right) {
        fputc('\n', out);
        return;
    }
    if (n + 2 > COLUMN) {
        fputc('\n', out);
        n = 0;
    }
    fprintf(out, "%*s", (int)(COLUMN - n), "");
    wrap(right, COLUMN, out);
}

/* The default if it says something: not for "nothing" and "off". */
static const char *shown_default(const struct px_option *row, char *text, size_t size)
{
    const char *fallback = row->fallback ? row->fallback : "";

    snprintf(text, size, "%s", fallback);
    if (row->type == PX_OPTION_FLAG && strcmp(fallback, "true") != 0)
        text[0] = 0;
    if (row->type == PX_OPTION_CHOICE && !row->fallback)
        snprintf(text, size, "%.*s", (int)strcspn(row->choices, "|"), row->choices);
    return text;
}

void px_option_describe(const struct px_option *row, char *text, size_t size)
{
    char range[256] = "", fallback[128];
    const char *parts[3], *separator = " (";
    size_t count = 0, at = (size_t)snprintf(text, size, "%s", row->help ? row->help : "");

    if (row->type != PX_OPTION_CHOICE || row->value) /* else the choices are the placeholder */
        px_option_range(row, range, sizeof range);
    if (row->type == PX_OPTION_LIST)
        parts[count++] = "may be repeated";
    if (range[0])
        parts[count++] = range;
    bool has_default = shown_default(row, fallback, sizeof fallback)[0];
    if (has_default)
        parts[count++] = fallback;
    for (size_t i = 0; i < count && at < size; i++) {
        const char *word = has_default && i + 1 == count ? "default " : "";
        at += (size_t)snprintf(text + at, size - at, "%s%s%s%s", separator, word, parts[i],
                               i + 1 == count ? ")" : "");
        separator = ", ";
    }
}

static void print_row(const struct px_option *row, FILE *out)
{
    char left[160], right[1024];
    const char *value = px_option_placeholder(row);
    char letter[8] = "    ";

    if (row->short_name)
        snprintf(letter, sizeof letter, "-%c, ", row->short_name);
    snprintf(left, sizeof left, "  %s--%s%s%s", letter, row->name, value[0] ? " " : "", value);
    px_option_describe(row, right, sizeof right);
    print_option(left, right, out);
}

void px_options_help(const struct px_option_table *table, FILE *out)
{
    fprintf(out, "Usage: %s%s%s\n", table->program, table->usage ? " " : "",
            table->usage ? table->usage : "");
    if (table->description)
        fprintf(out, "\n%s\n", table->description);
    if (!table->count || !table->rows[0].heading)
        fputs("\nOptions:\n", out);
    for (size_t i = 0; i < table->count; i++) {
        if (table->rows[i].heading)
            fprintf(out, "\n%s:\n", table->rows[i].heading);
        print_row(&table->rows[i], out);
    }
    print_option("  -h, --help", "Show this help; --help=man prints it as a manual page", out);
    print_option("      --version", "Show the version", out);
    if (table->environment)
        fprintf(out, "\nEvery option --some-name is also read from the variable %sSOME_NAME.\n",
                table->environment);
}

void px_options_version(const char *program, FILE *out)
{
    fprintf(out, "%.*s %s\n", (int)strcspn(program, " "), program, PX_VERSION);
}
