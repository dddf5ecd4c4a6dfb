// Gives back memory that holds read-only parts of the program and its libraries.
#pragma once

namespace etherloom {

// Most of these pages only the start needed; what is used again comes back from the page cache, without reading the disk.
// Only what is surely a file's and unchanged goes: parts that were never writable (relocations are written into the
// others) and are mapped from a file (a runtime may have moved its code into huge pages, which are not).
void dropProgramPages();

}  // namespace etherloom
