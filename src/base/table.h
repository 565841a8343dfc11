// A Table is rows of text lined up in columns for a person to read. Cells may hold colours and wide letters.
#pragma once

#include <string>
#include <vector>

namespace atelier {

class Table {
 public:
  enum class Align { kLeft, kRight };
  struct Column {
    std::string title;
    Align align = Align::kLeft;
  };

  explicit Table(std::vector<Column> columns);

  // Missing cells are empty; cells beyond the last column are our mistake and abort.
  void add(std::vector<std::string> cells);

  // The titles, then the rows; two spaces between columns, none at a line's end, "\n" after each line.
  std::string text() const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace atelier
