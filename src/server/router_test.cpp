#include "server/router.h"

#include <gtest/gtest.h>

namespace atelier::server {
namespace {

Router some_router() {
  Router router;
  router.add({{.method = "GET", .path = "/a", .tag = "", .summary = ""}, {}});
  router.add({{.method = "POST", .path = "/a", .tag = "", .summary = ""}, {}});
  router.add({{.method = "GET", .path = "/m/{name}", .tag = "", .summary = ""}, {}});
  router.add({{.method = "POST", .path = "/r/{id}/stop", .tag = "", .summary = ""}, {}});
  return router;
}

TEST(Router, FindsMethodAndPath) {
  const Router router = some_router();
  EXPECT_NE(router.find("GET", "/a").endpoint, nullptr);
  EXPECT_EQ(router.find("GET", "/a").endpoint, router.find("HEAD", "/a").endpoint);
  EXPECT_NE(router.find("GET", "/a").endpoint, router.find("POST", "/a").endpoint);
  EXPECT_EQ(router.find("GET", "/a").parameter, "");
}

TEST(Router, TakesParametersOutOfPaths) {
  const Router router = some_router();
  ASSERT_NE(router.find("GET", "/m/x/y").endpoint, nullptr);
  EXPECT_EQ(router.find("GET", "/m/x/y").parameter, "x/y");
  ASSERT_NE(router.find("POST", "/r/17/stop").endpoint, nullptr);
  EXPECT_EQ(router.find("POST", "/r/17/stop").parameter, "17");
  for (const char* path : {"/r//stop", "/r/1/2/stop", "/r/17", "/r/17/stop/", "/r/stop"})
    EXPECT_EQ(router.find("POST", path).endpoint, nullptr) << path;
}

TEST(Router, TellsWhatAPathAllows) {
  const Router router = some_router();
  const Router::Match wrong = router.find("DELETE", "/a");
  EXPECT_EQ(wrong.endpoint, nullptr);
  EXPECT_EQ(wrong.allow, "GET, HEAD, POST, OPTIONS");
  for (const char* path : {"/", "/a/", "/m", "/m/", "/ab", ""})
    EXPECT_EQ(router.find("GET", path).allow, "") << path;
}

}  // namespace
}  // namespace atelier::server
