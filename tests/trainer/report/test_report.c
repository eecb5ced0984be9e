#include "tests/check.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "codecs/codec.h"
#include "trainer/report/parts/chart.h"
#include "trainer/report/report.h"

static char folder[64];

static size_t occurrences(const char *text, const char *part)
{
    size_t n = 0;

    for (; (text = strstr(text, part)) != NULL; text += strlen(part))
        n++;
    return n;
}

/* Two rows of 16 x 16 pictures, the output as grey as the epoch tells. */
static void make_sheet(struct px_image *sheet, int64_t epoch)
{
    struct px_error err = {0};
    size_t n = (size_t)56 * 36 * 3;

    assert_int_equal(px_image_init(sheet, 56, 36, 3, &err), 0);
    for (size_t i = 0; i < n; i++)
        sheet->data[i] = (uint8_t)(i % 7 * 30 + (size_t)epoch % 40);
}

static void test_thinning(void **state)
{
    struct px_thumbs *thumbs;
    const struct px_thumbs_epoch *epochs;
    struct px_error err = {0};
    size_t count = 0;
    (void)state;

    assert_int_equal(px_thumbs_create(&thumbs, 2, &err), 0);
    assert_string_equal(px_thumbs_large(thumbs, 0, 1), "");
    for (int64_t epoch = 1; epoch <= 200; epoch++) {
        struct px_image sheet = {0};
        make_sheet(&sheet, epoch);
        assert_int_equal(px_thumbs_add(thumbs, epoch, &sheet, &err), 0);
        px_image_clear(&sheet);
        epochs = px_thumbs_epochs(thumbs, &count);
        assert_true(count <= PX_THUMBS_EPOCHS);
        assert_int_equal(epochs[0].epoch, 1);
        assert_int_equal(epochs[count - 1].epoch, epoch);
        for (size_t i = 0; i < count; i++)
            assert_true(px_thumbs_keeps(epochs[i].epoch, epoch));
    }
    epochs = px_thumbs_epochs(thumbs, &count);
    assert_int_equal(count, 8); /* 1, 32, 64, 96, 128, 160, 192, 200 */
    assert_int_equal(strncmp(epochs[3].outputs[1], "data:image/jpeg;base64,", 23), 0);
    assert_null(epochs[3].outputs[2]);
    assert_int_equal(strncmp(px_thumbs_large(thumbs, 1, 2), "data:image/jpeg;base64,", 23), 0);
    px_thumbs_destroy(thumbs);
}

static void draw(const struct px_chart *chart, char *text, size_t room)
{
    FILE *out = fmemopen(text, room, "w");

    assert_non_null(out);
    px_chart_write(out, chart);
    assert_int_equal(fclose(out), 0);
}

static void test_chart(void **state)
{
    static double x[1000], y[1000];
    char text[65536];
    struct px_chart chart = {"T", "about", 10, 0, 2, {{"line", x, y, 1000}}};
    (void)state;

    for (int i = 0; i < 1000; i++) {
        x[i] = (i + 1) * 0.01;
        y[i] = sin(i * 0.01);
    }
    draw(&chart, text, sizeof text);
    assert_int_equal(occurrences(text, "<polyline"), 1);
    char *points = strstr(text, "points=\"");
    *strchr(points + 8, '"') = 0;
    assert_int_equal(occurrences(points, ","), 260); /* means, not a thousand points */
    assert_non_null(strstr(text, ">-1.0</text>"));
    assert_non_null(strstr(text, ">0.5</text>"));

    for (int i = 0; i < 1000; i++)
        y[i] = 3; /* flat */
    chart.mark = 5;
    draw(&chart, text, sizeof text);
    assert_non_null(strstr(text, "class=\"mark\""));
    assert_null(strstr(text, "nan"));
    assert_null(strstr(text, "inf"));
    chart.lines[0].count = 1;
    draw(&chart, text, sizeof text);
    assert_null(strstr(text, "nan"));
    chart.lines[0].count = 0;
    draw(&chart, text, sizeof text);
    assert_non_null(strstr(text, "nothing yet"));
}

/* A history of epochs of ten steps. */
static struct px_history *make_history(int64_t epochs)
{
    static char loss_log[96], metrics[96];
    const struct px_history_options options = {.loss_log = loss_log,
                                               .metrics = metrics,
                                               .steps_per_epoch = 10,
                                               .batch_size = 1,
                                               .print_freq = 1000};
    struct px_history *h;
    struct px_error err = {0};

    snprintf(loss_log, sizeof loss_log, "%s/a.loss_log.txt", folder);
    snprintf(metrics, sizeof metrics, "%s/a.metrics.jsonl", folder);
    assert_int_equal(px_history_open(&h, &options, 0, &err), 0);
    for (int64_t epoch = 1; epoch <= epochs; epoch++) {
        const struct px_history_step step = {
            .step = 10 * epoch, .lr = 0.0002, .losses = {1, 30, 0.5f, 0.5f}, .images = 1};
        const struct px_history_epoch end = {epoch, 10 * epoch, {0.3, 15, 0.4},
                                             2,     epoch == 1, 3600};
        assert_int_equal(px_history_add_step(h, &step, &err), 0);
        assert_int_equal(px_history_add_epoch(h, &end, &err), 0);
    }
    return h;
}

static void test_page(void **state)
{
    struct px_train_settings settings = {.data = "<b>&\"data\"", .lambda_L1 = 100};
    struct px_output output = {0};
    struct px_network network = {.architecture = "unet_32", .ngf = 4, .crop_size = 16};
    struct px_history *history = make_history(3);
    struct px_thumbs *thumbs;
    size_t shown;
    struct px_error err = {0};
    uint8_t *page;
    size_t size;
    (void)state;

    snprintf(output.checkpoint, sizeof output.checkpoint, "%s/a<i>b.safetensors", folder);
    snprintf(output.report, sizeof output.report, "%s/a.report.html", folder);
    snprintf(output.pictures, sizeof output.pictures, "%s", folder);
    assert_int_equal(px_thumbs_create(&thumbs, 2, &err), 0);
    struct px_report report = {.settings = &settings,
                               .output = &output,
                               .network = &network,
                               .history = history,
                               .thumbs = thumbs,
                               .epochs = 5,
                               .end = 50,
                               .seconds_per_step = 360};
    for (int64_t epoch = 1; epoch <= 2; epoch++) { /* an earlier run; epoch 1's picture is gone */
        char path[4096];
        struct px_image sheet = {0};
        make_sheet(&sheet, epoch);
        assert_int_equal(px_output_picture(&output, epoch, path, &err), 0);
        if (epoch == 2)
            assert_int_equal(px_image_save(path, &sheet, 90, &err), 0);
        px_image_clear(&sheet);
    }
    assert_int_equal(px_report_resume(&report, 2, &err), 0);
    px_thumbs_epochs(thumbs, &shown);
    assert_int_equal(shown, 1);
    struct px_image sheet = {0};
    make_sheet(&sheet, 3);
    assert_int_equal(px_report_write(&report, 3, &sheet, &err), 0);
    px_image_clear(&sheet);
    px_thumbs_destroy(thumbs);
    px_history_close(history);

    assert_int_equal(px_file_read(output.report, 3000000, &page, &size, &err), 0);
    const char *text = (const char *)page;
    assert_non_null(strstr(text, "<title>a&lt;i&gt;b: epoch 3 of 5</title>"));
    assert_non_null(strstr(text, "&lt;b&gt;&amp;&quot;data&quot;"));
    assert_null(strstr(text, "<b><b>"));
    assert_non_null(strstr(text, "3 h 00 min so far &middot; about 2 h 00 min left"));
    assert_non_null(strstr(text, "best L1, epoch 1<"));
    assert_int_equal(occurrences(text, "<svg"), 4);
    assert_int_equal(occurrences(text, "<img"), 2 * 3 + 2 * (2 + 2));
    assert_int_equal(occurrences(text, "<img"), occurrences(text, "src=\"data:image/jpeg;base64,"));
    assert_null(strstr(text, "http:")); /* nothing from elsewhere */
    assert_null(strstr(text, "https:"));
    assert_null(strstr(text, "{{")); /* every placeholder was filled */
    assert_non_null(strstr(text, "</html>"));
    free(page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHECK("of many epochs a dozen are shown, the first and the latest among them",
              test_thinning),
        CHECK("charts have round numbers, bounded length and survive flat lines", test_chart),
        CHECK("the page is one file, escapes what is foreign and goes on after a resume",
              test_page),
    };
    snprintf(folder, sizeof folder, "/tmp/px-report-XXXXXX");
    if (!mkdtemp(folder))
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return check_remove_folder(folder) != 0 || failed;
}
