/* translate URL IN.png OUT.png: translates a picture with libcurl.
 *
 *     cc -o translate translate.c -lcurl
 */
#include <curl/curl.h>
#include <stdio.h>

int main(int argc, char **argv)
{
    char url[1024];
    long status = 0;
    CURL *curl = curl_easy_init();
    struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: image/png");
    FILE *in = argc == 4 ? fopen(argv[2], "rb") : NULL;
    FILE *out = in ? fopen(argv[3], "wb") : NULL;

    if (!curl || !headers || !out)
        return 1;
    headers = curl_slist_append(headers, "Transfer-Encoding: chunked");
    snprintf(url, sizeof url, "%s/translate", argv[1]);
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_POST, 1L);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_READDATA, in);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, out);
    CURLcode rc = curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    curl_slist_free_all(headers);
    curl_easy_cleanup(curl);
    fclose(in);
    if (fclose(out) != 0 || rc != CURLE_OK || status != 200) {
        fprintf(stderr, "translate: status %ld, %s\n", status, curl_easy_strerror(rc));
        return 1;
    }
    return 0;
}
