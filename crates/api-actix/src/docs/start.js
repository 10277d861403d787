const address = new URL("openapi.json", window.location.href).href;

// Swagger UI fills in the example of every parameter. Most optional parameters are filters, and with their examples
// most lists would be empty. Therefore this function removes the examples of optional parameters.
const withoutOptionalExamples = (response) => {
  if (response.ok && response.url === address) {
    const document = JSON.parse(response.text);
    for (const path of Object.values(document.paths)) {
      for (const { parameters = [] } of Object.values(path)) {
        parameters.filter((parameter) => !parameter.required).forEach((parameter) => delete parameter.example);
      }
    }
    response.text = JSON.stringify(document);
  }
  return response;
};

// The browser would send the HTTP Basic password with which this page was opened in every API call. API calls must use
// only the token that the user enters under "Authorize".
const withoutBrowserCredentials = (request) =>
  request.loadSpec ? request : Object.assign(request, { credentials: "omit" });

// The stylesheet of Swagger UI has dark colours for this class, but does not follow the browser's colour scheme itself.
const darkScheme = window.matchMedia("(prefers-color-scheme: dark)");
const followColorScheme = () => document.documentElement.classList.toggle("dark-mode", darkScheme.matches);
followColorScheme();
darkScheme.addEventListener("change", followColorScheme);

window.ui = SwaggerUIBundle({
  url: address,
  dom_id: "#swagger-ui",
  deepLinking: true,
  tryItOutEnabled: true,
  validatorUrl: null,
  requestInterceptor: withoutBrowserCredentials,
  responseInterceptor: withoutOptionalExamples
});
