/* Fetches the URL that is the input, and gives back the body of the response. Shows: HTTP through the host,
   which allows it only to the hosts in the manifest's `allowed_hosts`. Needs no libc. */
/* snippet: http */
#define EXTISM_IMPLEMENTATION
#include "../extism-pdk.h"

#define URL_BYTES_MAX 2048

int32_t EXTISM_EXPORTED_FUNCTION(fetch) {
  static const char head[] = "{\"url\":\"";
  static const char tail[] = "\"}";
  const uint64_t length = extism_input_length();
  char url[URL_BYTES_MAX];
  if (length > sizeof url || !extism_load_input(0, url, (size_t)length)) {
    extism_error_set_buf_from_sz("the URL is too long");
    return 1;
  }
  /* It becomes a part of JSON: what would end the text there is refused. */
  for (size_t at = 0; at < length; at++) {
    if (url[at] == '"' || url[at] == '\\' || (unsigned char)url[at] < ' ') {
      extism_error_set_buf_from_sz("a character of the URL is in no URL");
      return 1;
    }
  }

  const ExtismHandle request = extism_alloc(sizeof head - 1 + length + sizeof tail - 1);
  extism_store_to_handle(request, 0, head, sizeof head - 1);
  extism_store_to_handle(request, sizeof head - 1, url, (size_t)length);
  extism_store_to_handle(request, sizeof head - 1 + length, tail, sizeof tail - 1);
  const ExtismHandle response = extism_http_request(request, 0);

  const int32_t status = extism_http_status_code();
  if (status < 200 || status >= 300) {
    extism_error_set_buf_from_sz("the server did not answer with success");
    return 1;
  }
  extism_output_handle(response);
  return 0;
}
/* end snippet */
