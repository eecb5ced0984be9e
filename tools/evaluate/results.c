#include "tools/evaluate/results.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/path.h"

static void print_means(const char *name, const struct px_means *means, FILE *out)
{
    static const int digits[PX_METRICS] = {4, 2, 4, 4};

    fprintf(out, "%-32.32s", name);
    for (int m = 0; m < PX_METRICS; m++) {
        double value = px_means_get(means, (enum px_metric)m);

        if (isnan(value))
            fprintf(out, " %8s", "-");
        else
            fprintf(out, " %8.*f", digits[m], value);
    }
}

static void print_labels(const struct px_evaluation *e, const char *name,
                         const struct px_confusion *labels, FILE *out)
{
    const struct px_label_scores s = px_confusion_scores(labels, &e->palette);

    fprintf(out, "%-32.32s %10.4f %10.4f %10.4f\n", name, s.pixel, s.class_mean, s.iou);
}

void px_results_print(const struct px_evaluation *e, FILE *out)
{
    fprintf(out, "%zu pair%s", e->pairs, e->pairs == 1 ? "" : "s");
    if (e->singles)
        fprintf(out, ", %zu single picture%s translated without a target", e->singles,
                e->singles == 1 ? "" : "s");
    fprintf(out, "\n");
    if (!e->pairs)
        return;
    fprintf(out, "%-32s", "");
    for (int m = 0; m < PX_METRICS; m++)
        fprintf(out, " %8s", px_metric_titles[m]);
    fprintf(out, " %8s %8s %8s\n", "L", "a", "b");
    print_means("the mean colour", &e->constant_means, out);
    fprintf(out, "\n");
    print_means("the input itself", &e->input_means, out);
    fprintf(out, "\n");
    for (int i = 0; i < e->model_count; i++) {
        print_means(px_path_name(e->models[i].path), &e->models[i].means, out);
        for (int axis = 0; axis < PX_COLOUR_AXES; axis++)
            fprintf(out, " %8.4f",
                    px_colours_intersection(&e->models[i].colours, &e->target_colours,
                                            (enum px_colour_axis)axis));
        fprintf(out, "\n");
    }
    if (!e->has_labels)
        return;
    fprintf(out, "\n%-32s %10s %10s %10s\n", "labels", "per pixel", "per class", "class IOU");
    if (e->segmenter.model)
        print_labels(e, "the targets (the ceiling)", &e->ceiling, out);
    for (int i = 0; i < e->model_count; i++)
        print_labels(e, px_path_name(e->models[i].path), &e->models[i].labels, out);
}

static json_t *number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

static json_t *means_of(const struct px_means *means)
{
    json_t *object = json_object();

    for (int m = 0; m < PX_METRICS; m++)
        json_object_set_new(object, px_metric_keys[m],
                            number(px_means_get(means, (enum px_metric)m)));
    return object;
}

static json_t *labels_of(const struct px_evaluation *e, const struct px_confusion *labels)
{
    const struct px_label_scores s = px_confusion_scores(labels, &e->palette);
    json_t *object = json_object();

    json_object_set_new(object, "pixel", number(s.pixel));
    json_object_set_new(object, "class", number(s.class_mean));
    json_object_set_new(object, "iou", number(s.iou));
    return object;
}

static json_t *model_of(const struct px_evaluation *e, int i)
{
    static const char *const axes[] = {"L", "a", "b"};
    const struct px_evaluated *model = &e->models[i];
    json_t *object = means_of(&model->means), *colours = json_object();

    json_object_set_new(object, "model", json_string(model->path));
    for (int axis = 0; axis < PX_COLOUR_AXES; axis++)
        json_object_set_new(
            colours, axes[axis],
            number(e->pairs == 0 ? (double)NAN
                                 : px_colours_intersection(&model->colours, &e->target_colours,
                                                           (enum px_colour_axis)axis)));
    json_object_set_new(object, "colour_intersection", colours);
    if (e->has_labels)
        json_object_set_new(object, "labels", labels_of(e, &model->labels));
    return object;
}

static json_t *row_of(const struct px_evaluation *e, const struct px_evaluated_row *row)
{
    json_t *object = json_object(), *scores = json_array();

    json_object_set_new(object, "name", json_string(row->name));
    for (int i = 0; row->pair && i < e->model_count; i++) {
        json_t *one = json_object();

        for (int m = 0; m < PX_METRICS; m++)
            json_object_set_new(one, px_metric_keys[m], number(row->scores[i].of[m]));
        json_array_append_new(scores, one);
    }
    json_object_set_new(object, "scores", scores);
    return object;
}

int px_results_save(const struct px_evaluation *e, const char *path, struct px_error *err)
{
    json_t *root = json_object(), *models = json_array(), *pictures = json_array();

    json_object_set_new(root, "pairs", json_integer((json_int_t)e->pairs));
    json_object_set_new(root, "singles", json_integer((json_int_t)e->singles));
    json_object_set_new(root, "constant", means_of(&e->constant_means));
    json_object_set_new(root, "input", means_of(&e->input_means));
    if (e->has_labels && e->segmenter.model)
        json_object_set_new(root, "ceiling", labels_of(e, &e->ceiling));
    for (int i = 0; i < e->model_count; i++)
        json_array_append_new(models, model_of(e, i));
    for (size_t i = 0; i < e->row_count; i++)
        json_array_append_new(pictures, row_of(e, &e->rows[i]));
    json_object_set_new(root, "models", models);
    json_object_set_new(root, "pictures", pictures);
    char *text = json_dumps(root, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
    json_decref(root);
    if (!text)
        return px_fail(err, PX_E_NOMEM, "no memory for the results");
    int rc = px_file_save(path, text, strlen(text), err);
    free(text);
    return rc;
}
