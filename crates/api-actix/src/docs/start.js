const address = new URL("openapi.json", window.location.href).href;

// Who tries a call out fills in what they want: the examples of what may be left out would narrow every list to nothing.
const withoutWishes = (response) => {
  if (response.ok && response.url === address) {
    const text = JSON.parse(response.text);
    for (const path of Object.values(text.paths)) {
      for (const { parameters = [] } of Object.values(path)) {
        parameters.filter((one) => !one.required).forEach((one) => delete one.example);
      }
    }
    response.text = JSON.stringify(text);
  }
  return response;
};

// What the browser knows of the reader opens this page. Calls that are tried out have what was typed under "Authorize".
const withoutTheBrowsers = (request) =>
  request.loadSpec ? request : Object.assign(request, { credentials: "omit" });

window.ui = SwaggerUIBundle({
  url: address,
  dom_id: "#swagger-ui",
  deepLinking: true,
  tryItOutEnabled: true,
  validatorUrl: null,
  requestInterceptor: withoutTheBrowsers,
  responseInterceptor: withoutWishes
});
