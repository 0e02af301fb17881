package tensor

// Rows is the data of a tensor in separate pieces, such as parts of a memory-mapped file: element i holds the
// little-endian values of type T at index i of the first dimension. A tensor of Rows can be fed; only that copies the data.
type Rows[T float32 | BFloat16] [][]byte
