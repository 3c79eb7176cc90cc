@testable import ParanoidHTTP

/// Gives the pairs to a reader, as bytes.
func read(_ pairs: [(String, [UInt8])]) throws(MetaVariableError) -> MetaVariables {
    var reader = MetaVariableReader()
    for (name, value) in pairs {
        let name = Array(name.utf8)
        try unsafe reader.add(name: name.span.bytes, value: value.span.bytes)
    }
    return try reader.finish()
}

/// A plain GET with more parameters.
func read(_ pairs: KeyValuePairs<String, String>, method: String = "GET", uri: String? = "/") throws(MetaVariableError) -> MetaVariables {
    var all = [("REQUEST_METHOD", Array(method.utf8))]
    if let uri { all.append(("REQUEST_URI", Array(uri.utf8))) }
    return try read(all + pairs.map { ($0.key, Array($0.value.utf8)) })
}

/// The code of the error that reading ends with.
func code(_ pairs: KeyValuePairs<String, String>, method: String = "GET", uri: String? = "/") -> MetaVariableError.Code? {
    do throws(MetaVariableError) {
        _ = try read(pairs, method: method, uri: uri)
        return nil
    } catch {
        return error.code
    }
}
