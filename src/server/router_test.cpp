#include "server/router.h"

#include <gtest/gtest.h>

namespace atelier::server {
namespace {

Router some_router() {
  Router router;
  router.add("GET", "/a", [](const auto&) {});
  router.add("POST", "/a", [](const auto&) {});
  router.add("GET", "/m/*", [](const auto&) {});
  return router;
}

TEST(Router, FindsMethodAndPath) {
  const Router router = some_router();
  EXPECT_NE(router.find("GET", "/a").route, nullptr);
  EXPECT_EQ(router.find("GET", "/a").route, router.find("HEAD", "/a").route);
  EXPECT_NE(router.find("GET", "/a").route, router.find("POST", "/a").route);
  EXPECT_NE(router.find("GET", "/m/x/y").route, nullptr);
}

TEST(Router, TellsWhatAPathAllows) {
  const Router router = some_router();
  const Router::Match wrong = router.find("DELETE", "/a");
  EXPECT_EQ(wrong.route, nullptr);
  EXPECT_EQ(wrong.allow, "GET, HEAD, POST, OPTIONS");
  for (const char* path : {"/", "/a/", "/m", "/m/", "/ab", ""})
    EXPECT_EQ(router.find("GET", path).allow, "") << path;
}

}  // namespace
}  // namespace atelier::server
