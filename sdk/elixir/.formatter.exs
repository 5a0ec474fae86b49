[
  inputs: ["{mix,.formatter}.exs", "{lib,test,driver,samples}/**/*.{ex,exs}"],
  line_length: 110
]
