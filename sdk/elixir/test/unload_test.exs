defmodule Extism.UnloadTest do
  # Guarantees 16 and 18: libraries that are missing or wrong, faults and signals of the process.
  use ExUnit.Case

  import Extism.Fixture

  @show "try do IO.puts(Extism.version()) rescue e -> IO.puts(Exception.message(e)) end"

  test "g16 the library may be somewhere else" do
    library = Path.join(System.tmp_dir!(), "extism_elsewhere_#{System.pid()}.so")
    {:ok, real} = :file.read_link_all(Path.join(:code.priv_dir(:extism), "libextism_nif.so"))
    File.ln_s!(Path.expand(to_string(real), :code.priv_dir(:extism)), library)
    assert elixir(@show, env: [{"EXTISM_NIF", library}]) == {"1.42.0\n", 0}
    File.rm!(library)
  end

  test "g16 a library that is missing, or is none, is named" do
    folder = Path.join(System.tmp_dir!(), "extism_unload_#{System.pid()}")
    ebin = Path.join(folder, "ebin")
    File.mkdir_p!(folder)
    File.cp_r!(Path.dirname(to_string(:code.which(Extism))), ebin)
    script = "Code.prepend_path(#{inspect(ebin)}); #{@show}"
    wrong = Path.join(folder, "wrong.so")
    File.write!(wrong, "no library")

    for path <- [Path.join(folder, "none.so"), wrong] do
      {output, 0} = elixir(script, env: [{"EXTISM_NIF", path}])
      assert output =~ "the native library of extism cannot be used"
      assert output =~ path
    end

    File.rm_rf!(folder)
  end

  test "g16 the module that holds the library can be loaded again" do
    script = """
    source = %{wasm: [%{path: "fixtures/wat/spin.wat"}]}
    plugin = Extism.Plugin.new!(source)
    spawn(fn -> Extism.Plugin.call(plugin, "spin") end)
    :code.purge(:extism_nif)
    :code.delete(:extism_nif)
    :code.purge(:extism_nif)
    Process.sleep(50)
    IO.puts(Extism.version())
    """

    assert elixir(script) == {"1.42.0\n", 0}
  end

  test "g18 traps are errors, again and again, and the virtual machine is well" do
    plugin =
      Extism.Plugin.new!(~S{(module (memory 1) (func (export "run") (drop (i32.load (i32.const -4)))))})

    for _ <- 1..100,
        do: assert({:error, %{code: code}} = Extism.Plugin.call(plugin, "run")) && assert(code >= 400)

    assert_raise ArithmeticError, fn -> "0" |> String.to_integer() |> then(&div(1, &1)) end
  end

  test "g18 an orderly end during a call ends the program" do
    script = """
    plugin = Extism.Plugin.new!(%{wasm: [%{path: "fixtures/wat/spin.wat"}]})
    spawn(fn -> Extism.Plugin.call(plugin, "spin") end)
    System.stop(3)
    Process.sleep(:infinity)
    """

    assert {_, 3} = elixir(script)
  end
end
