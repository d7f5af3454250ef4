// Answers a custom resource's request; the interface is that of the module that AWS adds to inline code.
"use strict";

const https = require("https");

exports.SUCCESS = "SUCCESS";
exports.FAILED = "FAILED";

exports.send = function (event, context, responseStatus, responseData, physicalResourceId, noEcho) {
  return new Promise((resolve) => {
    const body = JSON.stringify({
      Status: responseStatus,
      Reason: "See the log stream " + context.logStreamName,
      PhysicalResourceId: physicalResourceId || context.logStreamName,
      StackId: event.StackId,
      RequestId: event.RequestId,
      LogicalResourceId: event.LogicalResourceId,
      NoEcho: noEcho || false,
      Data: responseData,
    });
    const done = (what) => {
      console.log("cfn-response:", what);
      resolve();
      // Functions with callbacks end here, as with the module of AWS.
      if (typeof context.done === "function") context.done();
    };
    // The URL is signed for an empty content type.
    const headers = { "content-type": "", "content-length": Buffer.byteLength(body) };
    const request = https.request(event.ResponseURL, { method: "PUT", headers }, (response) => {
      response.resume();
      response.on("end", () => done("status " + response.statusCode));
    });
    request.on("error", (error) => done("could not answer: " + error.message));
    request.end(body);
  });
};
