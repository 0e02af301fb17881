package tensor

// Rows is the data of a tensor that lies in pieces, such as rows of a file in memory: element i holds the
// little-endian values of type T at index i of the first dimension. It can be fed, and is copied only then.
type Rows[T float32 | BFloat16] [][]byte
