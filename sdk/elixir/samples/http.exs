# Lets a plug-in make HTTP requests to one host, here a server this program starts, and to no other.

{:ok, listener} = :gen_tcp.listen(0, [:binary, active: false, ip: {127, 0, 0, 1}, reuseaddr: true])
{:ok, port} = :inet.port(listener)

spawn_link(fn ->
  {:ok, socket} = :gen_tcp.accept(listener)
  {:ok, _request} = :gen_tcp.recv(socket, 0)
  body = "hello from the server"

  :gen_tcp.send(
    socket,
    "HTTP/1.1 200 OK\r\ncontent-length: #{byte_size(body)}\r\nconnection: close\r\n\r\n#{body}"
  )

  :gen_tcp.close(socket)
end)

url = "http://127.0.0.1:#{port}/"

# snippet: http
manifest = %{
  wasm: [%{path: "examples/plugins/http.wasm"}],
  allowed_hosts: ["127.0.0.1"]
}

{:ok, plugin} = Extism.Plugin.new(manifest)
IO.puts(Extism.Plugin.call!(plugin, "fetch", url))

{:error, error} = Extism.Plugin.call(plugin, "fetch", "http://example.com/")
IO.puts(error.status)
# end snippet
